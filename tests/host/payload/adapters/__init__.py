"""What the API needs from outside itself: its settings, its sessions, LiveKit."""
