"""Reaching a server: one interface (`link.Link`), over SSH (`ssh`) or on this machine (`local`).

`ssh` imports paramiko, which takes a quarter of a second: import that module when it is used.
Nothing else in here does.
"""
