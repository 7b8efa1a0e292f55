"""Ports: whether packets come through, over TCP from here, and over UDP with help on the server."""
