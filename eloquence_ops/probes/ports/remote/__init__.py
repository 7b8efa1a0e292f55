"""What runs on a server while its UDP ports are proven: standard library, Python 3.8.

`responder.py` is sent whole and imports nothing of ours; `eloquence_ops/probes/ports/packets.py`
packs it.
"""
