"""The runbook as data: what is checked, what can be the matter, what to do.

`model` has the types and no I/O; `reader` loads them from `checks/`; `template` fills
their texts in; `search` finds an entry by what somebody pasted.
"""
