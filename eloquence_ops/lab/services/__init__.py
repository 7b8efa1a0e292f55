"""The services of the lab: the Eloquence system on loopback, real protocols, faults on request.

Each module is one service (`api`, `livekit`, `proxy`, `dns`), or what they stand on
(`certificates`, `listening`, `serving`). How a service behaves is plain frozen data
(`ApiBehaviour`, `LivekitBehaviour`, `ProxyBehaviour`), so that a fault is a row and not a subclass.
Everything listens on loopback, unless it is given sockets of another address.
"""
