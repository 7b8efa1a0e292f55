"""Tokens for LiveKit's rooms."""

from livekit.api import AccessToken, VideoGrants

from adapters.settings import settings


def token_for(identity: str, room: str) -> str:
    """A token with which `identity` may join `room`."""
    token = AccessToken(settings.livekit_api_key, settings.livekit_api_secret)
    return (
        token.with_identity(identity).with_grants(VideoGrants(room_join=True, room=room)).to_jwt()
    )
