#!/bin/bash
# The host's life in a mount namespace of its own: when the last process in it ends, however it ends,
# its overlay and its tmpfs are gone too. Starts the host again when it reboots, ends when it does, and
# on SIGTERM ends it; the kernel sends that when the tests die (setpriv --pdeathsig TERM).
#
#   unshare --mount --propagation private launch.sh FOLDER LOWER GROUPS -- COMMAND...
#
# FOLDER: the host's, for the mounts. LOWER: the overlay's lower layers. GROUPS: its cgroups, with colons
# between. COMMAND: systemd-nspawn, which finds the host's root in $FOLDER/root.
set -uo pipefail
folder=$1 lower=$2
IFS=: read -ra groups <<<"$3"
shift 4

# A cgroup for each boot: where version 2 has handed its controllers on, no process may enter.
boot() {
  local group
  for group in "${groups[@]}"; do
    mkdir "$group/$1" && echo "$BASHPID" >"$group/$1/cgroup.procs" || exit
  done
  shift
  exec "$@"
}

# nspawn sees its host end, and ends itself. It does not take the host with it when it is killed.
kill_host() {
  find "${groups[@]}" -path '*/payload/*' -name cgroup.procs -exec cat {} + 2>/dev/null |
    grep -vx 0 | xargs -r kill -KILL 2>/dev/null
}

mkdir "$folder/state" "$folder/root" &&
  mount -t tmpfs -o size=2g,mode=0755 tmpfs "$folder/state" &&
  mkdir "$folder/state/upper" "$folder/state/work" &&
  mount -t overlay overlay \
    -o "lowerdir=$lower,upperdir=$folder/state/upper,workdir=$folder/state/work" "$folder/root" ||
  exit

ending=
trap 'ending=1' TERM

# 133: "start me again", as systemd would for a unit of ours (--keep-unit).
code=133 count=0
while [ "$code" -eq 133 ] && [ -z "$ending" ]; do
  count=$((count + 1))
  boot "boot-$count" "$@" &
  nspawn=$!
  wait "$nspawn"
  code=$?
  while [ -n "$ending" ] && kill -0 "$nspawn" 2>/dev/null; do
    kill_host
    sleep 0.02
  done
done
exit "$code"
