"""What a deploy would change, from the settings, the source and the server's facts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from eloquence_ops.deploy import job
from eloquence_ops.deploy.choices import Choices, api_port, parse_bind
from eloquence_ops.deploy.deployment import choose_release
from eloquence_ops.deploy.failures import DeployRefused
from eloquence_ops.deploy.plan import release_id
from eloquence_ops.deploy.planning.shapes import LiveKitFiles
from eloquence_ops.deploy.requirements import of_source
from eloquence_ops.deploy.survey import Survey
from eloquence_ops.endpoints import parse
from eloquence_ops.errors import UsageError
from eloquence_ops.server.errors import LinkError
from eloquence_ops.settings import Target
from tests.deploy.seen import NOW, OLD, UNITS, bare, facts, folder, planned, serving


def test_on_a_bare_server_everything_is_new(tmp_path: Path) -> None:
    made = planned(folder(tmp_path), bare())
    assert made.files.added == ("api.py", "requirements.txt")
    assert [change.kind for change in made.units] == ["new", "new"]
    assert (made.packages.why, made.packages.reuse, made.gap) == ("first", None, "none")
    assert not made.nothing


def test_what_is_deployed_already_is_nothing_to_do(tmp_path: Path) -> None:
    source = folder(tmp_path)
    made = planned(source, serving(source))
    assert made.nothing
    assert (made.send, made.units, bool(made.files)) == ((), (), False)
    assert made.packages.reuse == "env-1"


def without(name: str, **more: Any) -> dict[str, Any]:
    unit = {"text": UNITS[name], "enabled": True, "active": True} | more
    other = next(other for other in UNITS if other != name)
    return {"units": {name: unit, other: {"text": UNITS[other], "enabled": True, "active": True}}}


@pytest.mark.parametrize(
    "differs",
    [
        without("eloquence-api.service", active=False),
        without("eloquence-api.socket", enabled=False),
        without("eloquence-api.service", need_reload=True),
        without("eloquence-api.service", text="[Service]\nUser=root\n"),
        {"unfinished": {"release": "x"}},
        {"environments": []},
        {"releases": [{"id": OLD, "good_at": None}]},
        {"listener": {"pid": 9, "command": "python api.py", "unit": None, "user": "ubuntu"}},
    ],
)
def test_the_same_files_are_something_to_do_where_they_do_not_serve_as_they_should(
    tmp_path: Path, differs: dict[str, Any]
) -> None:
    source = folder(tmp_path)
    assert planned(source, serving(source)).nothing
    assert not planned(source, serving(source, **differs)).nothing


def test_files_are_compared_by_content_and_only_what_is_new_travels(tmp_path: Path) -> None:
    before = folder(tmp_path / "a", gone_py="1", same_py="2", changed_py="3", moved_py="4")
    after = folder(tmp_path / "b", same_py="2", changed_py="33", to__moved_py="4", twice_py="33")
    made = planned(after, serving(before))
    assert made.files.added == ("to/moved.py", "twice.py")
    assert made.files.changed == ("changed.py",)
    assert made.files.removed == ("gone.py", "moved.py")
    # What was moved is there already, and what stands in two places travels once.
    assert [entry.path for entry in made.send] == ["changed.py"]


def test_the_right_to_execute_is_a_change_and_needs_no_sending(tmp_path: Path) -> None:
    source = folder(tmp_path)
    there = serving(source)
    (tmp_path / "api.py").chmod(0o755)
    made = planned(folder(tmp_path), there)
    assert (made.files.changed, made.send) == (("api.py",), ())


def test_a_unit_that_was_changed_by_hand_is_shown_as_a_difference(tmp_path: Path) -> None:
    source = folder(tmp_path)
    there = serving(source, **without("eloquence-api.service", text="[Service]\nUser=root\n"))
    (change,) = planned(source, there).units
    assert change.name == "eloquence-api.service"
    assert "-User=root" in change.diff
    assert "+User=ubuntu" in change.diff


def test_a_masked_unit_is_compared_by_its_hash_and_not_by_what_is_shown(tmp_path: Path) -> None:
    source = folder(tmp_path)
    unit = {"text": UNITS["eloquence-api.service"], "sha256": "0" * 64, "active": True}
    there = serving(source, **without("eloquence-api.service", **unit))
    assert [change.name for change in planned(source, there).units] == ["eloquence-api.service"]


@pytest.mark.parametrize(
    ("requirements", "choices", "python", "why", "changes"),
    [
        ("fastapi==0.115.0\nuvicorn>=0.34\n", Choices(), "3.11.2", "same", []),
        ("# another comment\nfastapi==0.115.0\n\nuvicorn>=0.34\n", Choices(), "3.11.2", "same", []),
        ("fastapi==0.115.0\nuvicorn>=0.34", Choices(), "3.11.9", "same", []),
        ("fastapi==0.115.0\nuvicorn>=0.34", Choices(), "3.13.1", "python", []),
        (
            "fastapi==0.115.0\nuvicorn>=0.34",
            Choices(refresh_packages=True),
            "3.11.2",
            "refresh",
            [],
        ),
        (
            "FastAPI==0.116.0\nuvicorn>=0.35\nlivekit-api\n",
            Choices(),
            "3.11.2",
            "changed",
            [
                ("fastapi", "0.115.0", "0.116.0"),
                ("livekit-api", None, None),
                ("uvicorn", "0.34.0", None),
            ],
        ),
    ],
)
def test_packages_change_when_what_is_asked_for_does(
    tmp_path: Path,
    requirements: str,
    choices: Choices,
    python: str,
    why: str,
    changes: list[tuple[str, str | None, str | None]],
) -> None:
    there = serving(folder(tmp_path / "a"), python=python)
    packages = planned(
        folder(tmp_path / "b", requirements_txt=requirements), there, choices
    ).packages
    assert packages.why == why
    assert (packages.reuse == "env-1") == (why == "same")
    assert [(c.name, c.before, c.after) for c in packages.changes] == changes


def test_an_included_file_counts_and_what_is_no_name_is_left_to_pip(tmp_path: Path) -> None:
    before = folder(tmp_path / "a", requirements_txt="-r base.txt\n", base_txt="fastapi\n")
    after = folder(tmp_path / "b", requirements_txt="-r base.txt\n", base_txt="fastapi>=1\n")
    odd = folder(tmp_path / "c", requirements_txt="-e .\ngit+https://x.test/y\n--pre\na ; b == c\n")
    loops = folder(tmp_path / "d", requirements_txt="-r requirements.txt\n")
    digests = {of.digest for s in (before, after, odd, loops) if (of := of_source(s.text))}
    assert len(digests) == 4
    assert planned(odd, bare()).packages.changes == ()


def test_a_hand_made_installation_is_adopted_with_its_environment(tmp_path: Path) -> None:
    source = folder(tmp_path)
    there = serving(source, layout="flat", current=None, releases=[])
    flat = there.model_copy(
        update={"environments": (there.environments[0].model_copy(update={"id": "flat"}),)}
    )
    made = planned(source, flat)
    assert made.adopts
    assert made.packages.reuse == "flat"
    assert not made.nothing


@pytest.mark.parametrize(
    ("there", "choices", "gap"),
    [
        ({}, Choices(), "none"),
        ({"units": {}}, Choices(), "first-move"),
        (
            without("eloquence-api.socket", text="[Socket]\nListenStream=9\n"),
            Choices(),
            "other-socket",
        ),
        ({}, Choices(bind=("0.0.0.0", 8083)), "restart"),
        ({"listener": None, "units": {}}, Choices(), "none"),
    ],
)
def test_the_gap_is_said(tmp_path: Path, there: dict[str, Any], choices: Choices, gap: str) -> None:
    source = folder(tmp_path)
    assert planned(source, serving(source, **there), choices).gap == gap


LISTENER = {"pid": 4711, "command": "python api.py", "unit": None, "user": "marie"}
LIVEKIT = {"binary": "/usr/bin/livekit-server", "rooms": 2}
RUNNING = {"livekit.service": {"text": "old", "active": True}}


@pytest.mark.parametrize(
    ("there", "choices", "refusal"),
    [
        ({}, Choices(), None),
        ({"listener": LISTENER}, Choices(), "port-taken"),
        ({"listener": LISTENER}, Choices(take_over=True), None),
        ({"listener": {**LISTENER, "unit": "eloquence-api-candidate.service"}}, Choices(), None),
        ({"writable": False}, Choices(), "read-only"),
        ({"free_bytes": 1000}, Choices(), "no-room"),
        ({"systemd": 237}, Choices(), "systemd"),
        ({"venv": False}, Choices(), "no-venv"),
        ({"venv": False, "uv": "/usr/bin/uv"}, Choices(), None),
        ({}, Choices(unit_from_source=True), "no-unit"),
        ({}, Choices(with_livekit=True), "no-livekit"),
        ({"livekit": LIVEKIT, "units": RUNNING}, Choices(with_livekit=True), "rooms"),
        ({"livekit": LIVEKIT, "units": RUNNING}, Choices(with_livekit=True, force=True), None),
        ({"livekit": LIVEKIT | {"rooms": 0}, "units": RUNNING}, Choices(with_livekit=True), None),
        (
            {"livekit": LIVEKIT | {"rooms": None}, "units": RUNNING},
            Choices(with_livekit=True),
            "rooms",
        ),
        ({"livekit": LIVEKIT, "units": {}}, Choices(with_livekit=True), None),
    ],
)
def test_what_is_in_the_way_is_said_before_anything_is_done(
    tmp_path: Path, there: dict[str, Any], choices: Choices, refusal: str | None
) -> None:
    livekit = LiveKitFiles("new") if choices.with_livekit and "livekit" in there else None
    made = planned(folder(tmp_path), bare(**there), choices, livekit)
    assert [note.id for note in made.refusals] == ([refusal] if refusal else [])


def test_livekit_is_restarted_only_where_its_unit_or_configuration_changed(tmp_path: Path) -> None:
    there = bare(livekit=LIVEKIT | {"yaml": "port: 7880\nkeys:\n  a: ***\n"}, units=RUNNING)
    source = folder(tmp_path)
    same = planned(source, there, Choices(with_livekit=True), LiveKitFiles("old"))
    assert not same.livekit_restarts
    yaml = "port: 7881\nkeys:\n  a: a-secret\nrtc:\n  port: 1\n"
    other = planned(source, there, Choices(with_livekit=True), LiveKitFiles("old", yaml))
    assert other.livekit_restarts
    (change,) = (change for change in other.units if change.name == "/etc/livekit.yaml")
    assert "+port: 7881" in change.diff
    assert "a-secret" not in "\n".join(change.diff)


MAIN = 'if __name__ == "__main__":\n    '


@pytest.mark.parametrize(
    ("more", "there", "notes"),
    [
        ({}, {}, []),
        (
            {"api_py": MAIN + "import uvicorn\n    uvicorn.run(app, host='0.0.0.0', port=8083)\n"},
            {},
            [],
        ),
        ({"api_py": MAIN + "start_worker()\n    uvicorn.run(app)\n"}, {}, ["main-block"]),
        ({"api_py": MAIN + "uvicorn.run(app, ssl_keyfile='k')\n"}, {}, ["main-block"]),
        ({"api_py": "not python at all ("}, {}, []),
        ({"deep__.env": "A=1"}, {}, ["private"]),
        ({"eloquence-api.service": "[Service]\nExecStart=/bin/true\n"}, {}, ["source-unit"]),
        ({}, {"port_open": {"state": "closed", "by": "ufw"}}, ["port-closed"]),
        ({}, {"port_open": {"state": "closed", "by": "nftables"}}, ["port-by-hand"]),
        ({}, {"port_open": {"state": "unknown"}}, []),
        ({}, {"free_bytes": 100 * 2**20}, ["disk"]),
        ({}, {"unfinished": {}}, []),
        ({}, {"launcher": "0" * 64}, ["launcher"]),
        ({}, {"unfinished": {"release": "x"}}, ["unfinished"]),
    ],
)
def test_what_is_worth_knowing_is_remarked(
    tmp_path: Path, more: dict[str, str], there: dict[str, Any], notes: list[str]
) -> None:
    made = planned(folder(tmp_path, **more), bare(**there))
    assert [note.id for note in made.notes] == notes


def test_a_port_behind_a_proxy_may_be_hidden(tmp_path: Path) -> None:
    there = bare(port_open={"state": "closed", "by": "ufw"})
    proxied = Target("p", api=parse("https://api.example.test", "api"))
    direct = Target("p", api=parse("http://51.159.110.4:8083", "api"))
    source = folder(tmp_path)
    assert [n.id for n in planned(source, there, target=proxied).notes] == []
    (note,) = planned(source, there, target=direct).notes
    assert note.values["run"] == "sudo ufw prepend allow 8083/tcp"


@pytest.mark.parametrize("same", [True, False])
def test_another_launcher_is_something_to_do(tmp_path: Path, same: bool) -> None:
    source = folder(tmp_path)
    digest = hashlib.sha256(b"# serve").hexdigest()
    there = serving(source, launcher=digest if same else "0" * 64)
    assert planned(source, there).nothing is same


@pytest.mark.parametrize(
    ("there", "brings", "needs", "refused"),
    [
        (False, False, True, True),
        (True, False, True, False),
        (False, True, True, False),
        (False, False, False, False),
    ],
)
def test_without_its_settings_an_api_that_needs_them_is_not_begun(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    brings: bool,
    needs: bool,
    refused: bool,
) -> None:
    sign = "" if needs else "-"
    text = f"[Service]\nUser=ubuntu\nEnvironmentFile={sign}/srv/api/shared/.env.local\n"
    monkeypatch.setitem(UNITS, "eloquence-api.service", text)
    env = {"keys": ["API_KEY"]} if there else None
    made = planned(folder(tmp_path), bare(env_local=env), Choices(brings_env=brings))
    assert ("no-env" in [note.id for note in made.refusals]) is refused


@pytest.mark.parametrize(
    ("address", "bind", "port"),
    [
        (None, None, 8083),
        ("http://51.159.110.4:9000", None, 9000),
        ("http://api.example.test", None, 8083),
        ("https://api.example.test:8443", None, 8083),
        ("http://51.159.110.4:9000", "127.0.0.1:7000", 7000),
    ],
)
def test_the_apis_own_port_is_that_of_its_address_unless_a_proxy_has_it(
    address: str | None, bind: str | None, port: int
) -> None:
    target = Target("p", api=parse(address, "api") if address else None)
    assert api_port(target, Choices(bind=parse_bind(bind) if bind else None)) == port


@pytest.mark.parametrize("text", ["8083", "host:8083", "0.0.0.0:0", "0.0.0.0:99999", "a b:1", ""])
def test_what_is_no_address_to_listen_at_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_bind(text)


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert parse_bind("[::1]:8083") == ("::1", 8083)


def test_a_release_is_named_by_the_servers_clock_and_the_commit() -> None:
    assert release_id(NOW, "d" * 64, "c" * 40 + "-dirty") == "20261130-005320-cccccccc"
    assert release_id(NOW, "d" * 64, None).endswith("-dddddddd")


# What is gone back to


def releases(*rows: tuple[str, bool, bool], current: str | None) -> Survey:
    made = [{"id": i, "good_at": NOW if good else None, "adopted": a} for i, good, a in rows]
    return bare(layout="releases", releases=made, current=current)


A, B, C, HAND = "20260101-1-a", "20260102-1-b", "20260103-1-c", "20260103-0-adopted"


@pytest.mark.parametrize(
    ("rows", "current", "wanted", "chosen"),
    [
        ([(A, True, False), (B, True, False), (C, True, False)], C, None, B),
        ([(A, True, False), (B, False, False), (C, True, False)], C, None, A),
        # After going back to A there is nothing before it, whatever is newer.
        ([(HAND, True, True), (A, True, False), (B, True, False)], A, None, HAND),
        ([(A, True, False), (B, True, False), (C, True, False)], A, "20260103", C),
        ([(A, True, False), (B, True, False)], None, None, B),
    ],
)
def test_going_back_goes_to_the_good_one_before(
    rows: list[tuple[str, bool, bool]], current: str | None, wanted: str | None, chosen: str
) -> None:
    assert choose_release(releases(*rows, current=current), wanted).id == chosen


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (None, "no good release before"),
        ("nothing", "no release"),
        ("2026", "no release"),
        (C, "never"),
    ],
)
def test_there_may_be_nothing_to_go_back_to(wanted: str | None, says: str) -> None:
    there = releases((A, True, False), (C, False, False), current=A)
    with pytest.raises(DeployRefused, match=says):
        choose_release(there, wanted)


# What the server is asked, and what it says


def test_the_server_is_told_what_the_plan_was_made_against(tmp_path: Path) -> None:
    there = serving(folder(tmp_path))
    base = job.base_of(there)
    assert (base["layout"], base["current"]) == ("releases", OLD)
    assert all(len(digest) == 64 for digest in base["units"].values())


@pytest.mark.parametrize(
    "told", [None, [], {}, facts(protocol=2), facts(files="x"), facts(user=None), {"protocol": 1}]
)
def test_what_is_no_survey_is_no_answer(told: object) -> None:
    from eloquence_ops.deploy import survey

    with pytest.raises(LinkError):
        survey.parse(told, "server")


def test_what_a_server_calls_itself_is_made_safe_to_show() -> None:
    there = bare(listener={"pid": 1, "command": "\x1b]0;pwned\x07", "user": "\u202eabc"})
    assert there.listener is not None
    assert there.listener.command == "\\x1b]0;pwned\\x07"
    assert there.listener.user == "\\u202eabc"
