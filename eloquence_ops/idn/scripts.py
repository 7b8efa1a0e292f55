"""Which script a letter is of, and which letters of other scripts look like Latin ones.

The script is the first word of a character's name in the Unicode database, which holds for the
letters that names are made of. It is a hint about a label, not UTS 39 itself: no table of
confusables is carried along, only the letters that registries know from real look-alike domains.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# Japanese writes three scripts together, Korean two (UTS 39 §5.1, the augmented script sets).
_TOGETHER: Final = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA", "LATIN"}),
    frozenset({"CJK", "HANGUL", "LATIN"}),
    frozenset({"CJK", "BOPOMOFO", "LATIN"}),
)
_LOOKS_LATIN: Final = {
    # Cyrillic
    **dict(zip("аеорсухіѕјԁԛԝһӏкмтвн", "aeopcyxisjdqwhlkmtbh", strict=True)),
    # Greek
    **dict(zip("αινορυκτ", "aivopukt", strict=True)),
    # Armenian
    **dict(zip("օսհոզց", "ouhnqg", strict=True)),
    # Latin letters without their dot or with a hook
    **dict(zip("ıɑɡ", "iag", strict=True)),
}


def scripts_of(label: str) -> frozenset[str]:
    """The scripts of the letters of `label`; digits, hyphens and marks have none."""
    return frozenset(
        unicodedata.name(character, "UNKNOWN").split()[0].split("-")[0]
        for character in label
        if unicodedata.category(character).startswith("L")
    )


def is_mixed(label: str) -> bool:
    """Whether its letters are of scripts that no language writes together."""
    scripts = scripts_of(label)
    return len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER)


def look_alike_letters(label: str) -> str:
    """The letters in `label` that are to be taken for Latin ones, each once.

    None where a letter of the same script looks like no Latin one: a Cyrillic word is no imitation.
    """
    letters = [c for c in label if unicodedata.category(c).startswith("L") and not c.isascii()]
    foreign = [c for c in letters if scripts_of(c) != {"LATIN"}]
    if not all(c in _LOOKS_LATIN for c in foreign):
        return ""
    return "".join(dict.fromkeys(c for c in letters if c in _LOOKS_LATIN))


def without_accents(text: str) -> str:
    """`text` as somebody types it who leaves the accents out; other scripts stay as they are."""
    decomposed = unicodedata.normalize("NFD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", plain).translate(_UNDECOMPOSED)


# Letters that Unicode does not take apart, as people write them in ASCII.
_UNDECOMPOSED: Final = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "œ": "oe", "æ": "ae", "ß": "ss"}
)


def skeleton(label: str) -> str:
    """What a hurried reader sees: no accents, and Latin letters for those that look like them.

    UTS 39 keeps accents, so its skeletons tell `éloquence` from `eloquence`; people do not.
    """
    return "".join(_LOOKS_LATIN.get(c, c) for c in without_accents(label.lower()))
