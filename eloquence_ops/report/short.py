"""`--output short`: one line for a chat, with the owner."""

from __future__ import annotations

from eloquence_ops.report.account import Storyteller


def render(story: Storyteller) -> str:
    """`VERDICT target: headline`, one line."""
    name = story.result.recording.target.name
    return story.say(
        "report.short",
        verdict=story.word(story.result.verdict),
        target=name,
        headline=story.headline(),
    )
