"""The forms of a name in use, as an observation. Sends nothing."""

from __future__ import annotations

import time
from typing import Literal

from eloquence_ops.findings import Vantage
from eloquence_ops.idn.forms import LabelForms, forms_of_name
from eloquence_ops.observations.names import LabelShown, NameShown
from eloquence_ops.untrusted import one_line

# More labels than that fit into no name of the DNS.
_MOST_LABELS = 127
_LONGEST_SHOWN = 253
_LONGEST_PLACE = 200

Origin = Literal["api", "livekit", "session", "app", "asked"]


def shown(origin: Origin, typed: str, *, started: float, place: str = "") -> NameShown:
    """`typed` may be anything. `started` is the run's `time.monotonic()`; `place` is where it
    stands in the app's source."""
    begun = time.monotonic()
    forms = forms_of_name(typed)
    return NameShown(
        vantage=Vantage.CODE if origin == "app" else Vantage.HERE,
        at_s=begun - started,
        origin=origin,
        typed=one_line(forms.typed, limit=_LONGEST_SHOWN),
        host=forms.a_label,
        labels=tuple(_label(label) for label in forms.labels[:_MOST_LABELS]),
        too_long=forms.too_long,
        place=one_line(place, limit=_LONGEST_PLACE),
        duration_s=time.monotonic() - begun,
    )


def _label(forms: LabelForms) -> LabelShown:
    return LabelShown(
        typed=one_line(forms.typed, limit=_LONGEST_SHOWN),
        nfc=one_line(forms.nfc, limit=_LONGEST_SHOWN),
        uts46=one_line(forms.uts46, limit=_LONGEST_SHOWN),
        a_label=forms.a_label,
        u_label=forms.u_label,
        remarks=forms.remarks,
        refusal=forms.refusal or "",
        reason=forms.reason,
    )
