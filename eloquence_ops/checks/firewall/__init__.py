"""What a server's own firewall does with a new packet from outside, from what it says of itself.

`sources.read` takes the texts, `evaluate.answer` asks about one packet. Both are pure. The answer
is `unknown`, with the feature that made it so, wherever the texts do not decide it.
"""
