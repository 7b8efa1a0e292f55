#!/bin/sh
# The host's PID 1, for a moment. On cgroup v1 nspawn mounts the memory controller read-only; what the
# host sees there is its own part of it, so systemd may have it, and MemoryMax= means something.
[ ! -d /sys/fs/cgroup/memory ] || mount -o remount,bind,rw /sys/fs/cgroup/memory
exec /usr/lib/systemd/systemd "$@"
