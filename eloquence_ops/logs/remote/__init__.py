"""What runs on a server while its logs are followed: one file for its `python3 -c`.

`follow.py` imports the standard library alone, runs on Python 3.8, writes no file and starts
nothing but journalctl, which it ends. Its text travels as an argument (there is no secret in it),
so that standard input stays free for the signs of life.
"""
