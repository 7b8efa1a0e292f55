"""What deploys on the server itself: one program for its `python3`, standard library, Python 3.8.

`deploy.program` bundles this package with what it uses of `server.remote`. It runs twice: as the
*door*, over SSH, which receives and then relays (`door`), and as a transient unit, which does the
work (`apply`) and goes on whatever becomes of the door. Both run as root; whatever lies in the
folder of the service's user is written as that user (`identity.acting_as`), so that no link there
leads root anywhere. What root will act on again is kept in root's own folder (`place`).
"""
