"""Deploy and diagnose a realtime voice backend: an API that opens sessions, and LiveKit."""

__version__ = "0.1.0"
