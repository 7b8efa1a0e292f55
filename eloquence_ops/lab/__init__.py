"""The system on loopback, with faults in it on purpose.

`plan` says what can be different, `faults/` has one file a fault, `system` starts and ends it all.
"""
