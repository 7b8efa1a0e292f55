"""The program that is sent holds all that it needs, and no more."""

from __future__ import annotations

import ast

from eloquence_ops.deploy import program
from eloquence_ops.server.program import needed, sources


def test_what_is_sent_imports_nothing_that_is_not_sent() -> None:
    every = {name: text for package in program.PACKAGES for name, text in sources(package).items()}
    sent = needed(every, program.ENTRY)
    assert program.ENTRY in sent
    lacking = set()
    for name, text in sent.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                lacking |= {
                    f"{name}: import {each.name}"
                    for each in node.names
                    if each.name.startswith("eloquence_ops")
                }
            elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("eloquence_ops"):
                names = [f"{node.module}.{each.name}" for each in node.names]
                wanted = [str(node.module), *(each for each in names if each in every)]
                lacking |= {f"{name}: {each}" for each in wanted if each not in sent}
    assert lacking == set()


def test_what_reads_proxies_and_certificates_stays_at_home() -> None:
    every = {name: text for package in program.PACKAGES for name, text in sources(package).items()}
    sent = needed(every, program.ENTRY)
    assert "eloquence_ops.server.remote.nginx_config" in every
    assert "eloquence_ops.server.remote.nginx_config" not in sent
