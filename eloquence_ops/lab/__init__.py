"""The system on loopback, with faults in it on purpose.

`plan` says what can be different, `faults/` has one file a fault, `system` starts and ends it all.
`at_place` is the same for an app: by address, with what `in_clear` leaves of a plan.
"""
