"""What a unit's text means, whatever its comments say."""

from __future__ import annotations


def meaning(text: str) -> list[str]:
    """Its lines without comments: a socket that is the same in these stays open. What plans a
    deploy here asks it too, so that both come to the same answer."""
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and line[0] not in "#;"]
