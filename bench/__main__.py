"""`python -m bench [NAME…]`."""

from __future__ import annotations

import os
import sys

from bench import (
    check_api,
    check_ssl,
    deploy,
    first_verdict,
    healthy_doctor,
    help_text,
    logs,
    ports,
    server_facts,
)

BENCHMARKS = {
    "help": help_text.main,
    "doctor": healthy_doctor.main,
    "check-api": check_api.main,
    "check-ssl": check_ssl.main,
    "first-verdict": first_verdict.main,
    "server-facts": server_facts.main,
    "logs": logs.main,
    "ports": ports.main,
    "deploy": deploy.main,
}

# Containers set it. The peers were compiled when pip installed them; so are we, where we are.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

for name in sys.argv[1:] or BENCHMARKS:
    if name not in BENCHMARKS:
        sys.exit(f"bench: there is no {name}; there are {', '.join(BENCHMARKS)}")
    BENCHMARKS[name]()
