"""The words that programs have for how serious a line is."""

from __future__ import annotations

from typing import Final

from eloquence_ops.logs.entry import Level

_WORDS: Final = {
    # dart's package:logging has FINEST to SHOUT, with CONFIG between FINE and INFO
    Level.TRACE: "TRACE FINEST FINER VERBOSE SILLY V T",
    Level.DEBUG: "DEBUG DBG DEBU FINE CONFIG D",
    Level.INFO: "INFO INF INFORMATION INFORMATIONAL SUCCESS I",
    Level.NOTICE: "NOTICE",
    Level.WARNING: "WARNING WARN WRN W",
    Level.ERROR: "ERROR ERR ERRO EXCEPTION SEVERE E",
    Level.CRITICAL: "CRITICAL CRIT FATAL SHOUT ALERT EMERG EMERGENCY PANIC DPANIC WTF ASSERT F A",
}
_BY_WORD: Final = {
    cased: level
    for level, words in _WORDS.items()
    for word in words.split()
    for cased in {word, word.lower(), word.capitalize()}
}
# Syslog's (RFC 5424), which GELF writes into JSON.
_BY_SEVERITY: Final = (
    Level.CRITICAL,
    Level.CRITICAL,
    Level.CRITICAL,
    Level.ERROR,
    Level.WARNING,
    Level.NOTICE,
    Level.INFO,
    Level.DEBUG,
)

level_of = _BY_WORD.get
"""The level of a word (`INFO`, `warn`, `SEVERE`, or Android's one letter), or None."""


def level_of_number(number: float) -> Level | None:
    """A number up to 7 is syslog's; from 10 on pino's and bunyan's (30 is info, 60 fatal)."""
    if 0 <= number < len(_BY_SEVERITY):
        return _BY_SEVERITY[int(number)]
    if 10 <= number < 20:
        return Level.TRACE
    if 20 <= number < 30:
        return Level.DEBUG
    if 30 <= number < 40:
        return Level.INFO
    if 40 <= number < 50:
        return Level.WARNING
    if 50 <= number < 60:
        return Level.ERROR
    return Level.CRITICAL if 60 <= number <= 100 else None


def level_of_status(status: int) -> Level:
    """How serious an access line is: the server's own failures are errors, a client's warnings."""
    if status >= 500:
        return Level.ERROR
    return Level.WARNING if status >= 400 else Level.INFO
