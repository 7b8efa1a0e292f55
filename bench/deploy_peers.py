"""The guide's deployment by other tools: files, packages, unit, restart, and wait until it answers.

Each does the same job: the source to the folder of the guide, `pip install -r` into its .venv, the
settings and the unit in place, systemd told, the API restarted where something changed, and `GET /`
answered. They are written as their manuals advise, each with the quickest transfer it has (rsync).
None of them looks at anything else.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.peers import from_pypi
from bench.timing import run
from tests.host.layout import API_UNIT, REMOTE_DIR
from tests.host.machine import Host

_VENV: Final = f"{REMOTE_DIR}/.venv"
_UNIT: Final = f"/etc/systemd/system/{API_UNIT}"
_ANSWERS: Final = "until curl --silent --fail http://127.0.0.1:8083/; do sleep 0.1; done"
# What lies in the folder and does not come with the source.
_NOT_LOCAL: Final = "127.1"  # for Ansible, which copies to 127.0.0.1 without ssh
_KEPT: Final = ("/.venv", "/.env.local", "__pycache__")


@dataclass(frozen=True)
class Job:
    """What to deploy and whereto; `folder` is for the tools' own files."""

    host: Host
    port: int
    source: Path
    env_local: Path
    folder: Path

    def inside(self, *words: str, **environ: str) -> None:
        """A program of the client's."""
        home = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        run(["ip", "netns", "exec", self.host.client.name, *words], home | environ)

    def known_hosts(self) -> Path:
        """A file with the host's key under the name of the way to it."""
        file = self.folder / "known_hosts"
        _, key = self.host.known_hosts.read_text("ascii").split(" ", 1)
        names = ",".join(f"[{name}]:{self.port}" for name in ("127.0.0.1", _NOT_LOCAL))
        file.write_text(f"{names} {key}", encoding="ascii")
        return file

    def ssh(self) -> list[str]:
        """OpenSSH's words up to the destination."""
        return [
            *("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
            *("-o", f"UserKnownHostsFile={self.known_hosts()}"),
            *("-i", str(self.host.key_path), "-p", str(self.port)),
        ]


# --- By hand -------------------------------------------------------------------------------------

_BY_HAND: Final = f"""set -e
test -x {_VENV}/bin/python || python3 -m venv {_VENV}
{_VENV}/bin/pip install --quiet --disable-pip-version-check -r {REMOTE_DIR}/requirements.txt
sudo install -m 644 {REMOTE_DIR}/{API_UNIT} {_UNIT}
sudo systemctl daemon-reload
sudo systemctl enable --quiet {API_UNIT}
sudo systemctl restart {API_UNIT}
{_ANSWERS}
"""


def by_script(job: Job) -> None:
    """rsync, and one command over ssh."""
    excluded = [f"--exclude={name}" for name in _KEPT]
    rsync = ["rsync", "-az", "--delete", *excluded, "--rsh", " ".join(job.ssh())]
    job.inside(*rsync, f"{job.source}/", f"ubuntu@127.0.0.1:{REMOTE_DIR}/")
    secret = ["rsync", "-az", "--chmod=600", "--rsh", " ".join(job.ssh()), str(job.env_local)]
    job.inside(*secret, f"ubuntu@127.0.0.1:{REMOTE_DIR}/.env.local")
    job.inside(*job.ssh(), "ubuntu@127.0.0.1", _BY_HAND)


# --- pyinfra -------------------------------------------------------------------------------------

_PYINFRA: Final = f"""\
from pyinfra import host
from pyinfra.operations import files, pip, server, systemd

files.directory(path="{REMOTE_DIR}")
files.rsync(src=host.data.source + "/", dest="{REMOTE_DIR}/", flags=host.data.flags)
files.put(src=host.data.env_local, dest="{REMOTE_DIR}/.env.local", mode="600")
pip.venv(path="{_VENV}", python="python3")
pip.packages(requirements="{REMOTE_DIR}/requirements.txt", virtualenv="{_VENV}")
unit = files.put(
    src=host.data.source + "/{API_UNIT}", dest="{_UNIT}", mode="644", _sudo=True
)
systemd.service(
    service="{API_UNIT}", enabled=True, restarted=True, daemon_reload=unit.changed, _sudo=True
)
server.shell(commands=["{_ANSWERS}"])
"""


def by_pyinfra(job: Job) -> None:
    """rsync cannot tell it whether something changed: it restarts each time, as the script does."""
    deploy, inventory = job.folder / "deploy.py", job.folder / "inventory.py"
    deploy.write_text(_PYINFRA, encoding="utf-8")
    data = {
        "ssh_port": job.port,
        "ssh_user": "ubuntu",
        "ssh_key": str(job.host.key_path),
        "ssh_known_hosts_file": str(job.known_hosts()),
        "ssh_strict_host_key_checking": "yes",
        "source": str(job.source),
        "env_local": str(job.env_local),
        "flags": ["-az", "--delete", *(f"--exclude={name}" for name in _KEPT)],
    }
    inventory.write_text(f"hosts = [('127.0.0.1', {data})]\n", encoding="utf-8")
    job.inside(from_pypi("pyinfra"), "-y", str(inventory), str(deploy))


# --- Ansible -------------------------------------------------------------------------------------

_PLAYBOOK: Final = f"""\
- hosts: all
  gather_facts: false
  tasks:
    - name: Files
      ansible.posix.synchronize:
        src: "{{{{ source }}}}/"
        dest: "{REMOTE_DIR}/"
        delete: true
        use_ssh_args: true
        rsync_opts: [{", ".join(f"--exclude={name}" for name in _KEPT)}]
      notify: restart
    - name: Settings
      ansible.builtin.copy:
        src: "{{{{ env_local }}}}"
        dest: {REMOTE_DIR}/.env.local
        mode: "0600"
      notify: restart
    - name: Environment
      ansible.builtin.command: python3 -m venv {_VENV}
      args:
        creates: {_VENV}/bin/python
    - name: Packages  # its pip module wants a package that a Debian has not
      ansible.builtin.command: {_VENV}/bin/pip install -r {REMOTE_DIR}/requirements.txt
      register: installed
      changed_when: "'Successfully installed' in installed.stdout"
      notify: restart
    - name: Unit
      become: true
      ansible.builtin.copy:
        src: "{{{{ source }}}}/{API_UNIT}"
        dest: {_UNIT}
        mode: "0644"
      notify: restart
    - name: Service
      become: true
      ansible.builtin.systemd_service:
        name: {API_UNIT}
        enabled: true
        daemon_reload: true
        state: started
    - name: Restart where something changed
      ansible.builtin.meta: flush_handlers
    - name: Answers
      ansible.builtin.shell: {_ANSWERS}
      changed_when: false
  handlers:
    - name: restart
      become: true
      ansible.builtin.systemd_service:
        name: {API_UNIT}
        state: restarted
"""


def by_ansible(job: Job) -> None:
    """One connection for all tasks (ControlPersist), and pipelining, as its manual advises."""
    playbook, inventory = job.folder / "deploy.yml", job.folder / "hosts.ini"
    playbook.write_text(_PLAYBOOK, encoding="utf-8")
    inventory.write_text(
        f"server ansible_host={_NOT_LOCAL} ansible_port={job.port} ansible_user=ubuntu "
        f"ansible_ssh_private_key_file={job.host.key_path} "
        "ansible_python_interpreter=/usr/bin/python3 "
        f"source={job.source} env_local={job.env_local}\n",
        encoding="utf-8",
    )
    program = Path(from_pypi("ansible-playbook", package="ansible"))
    control = job.folder / "control"
    job.inside(
        *(str(program), "--inventory", str(inventory), str(playbook)),
        ANSIBLE_PIPELINING="1",
        ANSIBLE_SSH_ARGS=f"-F none -o UserKnownHostsFile={job.known_hosts()} "
        "-o ControlMaster=auto -o ControlPersist=3s",
        ANSIBLE_SSH_CONTROL_PATH_DIR=str(control),
        ANSIBLE_LOCAL_TEMP=str(job.folder / "ansible"),
        PATH=f"{program.parent}:{os.environ['PATH']}",
    )


def require_rsync() -> None:
    """Ends the bench where this machine has none."""
    if shutil.which("rsync") is None:
        raise SystemExit("bench: install rsync first (apt-get install rsync)")
