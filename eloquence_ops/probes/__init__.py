"""Measurements, one module a protocol. A probe has no opinion; it is bounded in time and bytes."""
