"""Sound through LiveKit: what is played, how it is recognised, and the program that does both.

`livekit`'s native library runs in a process of its own (`peer`), which this one starts and ends
(`child`): its crash, its noise and its signal handling stay there. See docs/media.md.
"""
