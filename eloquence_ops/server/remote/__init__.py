"""What runs on the server: one program for its `python3 -`, that reads facts and changes nothing.

Everything in this package is sent as it stands (`eloquence_ops.server.program` bundles it), so it
imports the standard library and itself alone, and runs on Python 3.8. It writes no file, asks no
service to start, and starts only commands that it ends itself. Which is why some of the obvious
commands are not used:

- `nginx -T` creates a pid file, log files and temporary folders, and binds every port it finds
  free (seen under strace, nginx 1.22). The files are read instead (`nginx_config`).
- `ufw status` truncates `/run/ufw.lock` and loads modules; its files and the kernel's rules say
  the same (`firewall`).
- `timedatectl` starts `systemd-timedated`, which stays for half a minute; `adjtimex` tells
  without it (`clock`).

A subject is a function `facts(host, gaps)` that returns plain data for JSON. What it could not read
is left out and named in `gaps` with the reason. Secrets are masked once, over the whole answer,
when it is written (`masking`).
"""
