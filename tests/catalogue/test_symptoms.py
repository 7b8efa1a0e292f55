"""What people paste, word for word, and where it leads first."""

from __future__ import annotations

import pytest

from eloquence_ops.catalogue.model import Symptom
from eloquence_ops.catalogue.reader import catalogue
from eloquence_ops.catalogue.search import search

UPGRADE = (
    "WebSocketException: Connection to 'https://l.example:0/rtc?x=1#' was not upgraded to websocket"
)
NO_HOST = "Invalid argument(s): No host specified in URI /api/sessions"


def read(pasted: str) -> Symptom:
    """The reading that `explain` shows."""
    first = search(pasted, catalogue())[0]
    assert isinstance(first, Symptom)
    return first


@pytest.mark.parametrize(
    ("pasted", "cause"),
    [
        # The guides' own sentences, alone and around others
        ("Erreur lors du démarrage de la session", "api-not-running"),
        (
            "Erreur lors du démarrage de la session: Exception: Échec de la création de session: "
            "404",
            "api-legacy-deployed",
        ),
        ("Erreur lors de la fin de la session: ClientException", "api-not-running"),
        ("Erreur lors de la fin de la session", "api-response-mismatch"),
        ("Échec de la création de session: 429", "proxy-denies-access"),
        ("Échec de la terminaison de session: 401", "api-key-rejected"),
        ("Échec de la terminaison de session: 404", "api-legacy-deployed"),
        ("Échec de la terminaison de session: 502", "api-not-running"),
        ("Échec de la terminaison de session: 204", "api-response-mismatch"),
        # Bare statuses
        ("400", "plain-on-tls-port"),
        ("HTTP/1.1 400 Bad Request", "plain-on-tls-port"),
        ("Invalid HTTP request received.", "tls-on-plaintext-port"),
        ("201", "api-response-mismatch"),
        ("408 Request Timeout", "own-network"),
        ("409", "api-response-mismatch"),
        ("413 Request Entity Too Large", "proxy-denies-access"),
        ("415 Unsupported Media Type", "api-body-refused"),
        ("426", "proxy-drops-upgrade"),
        ("499", "api-hanging"),
        # nginx's error log
        (
            "2026/11/30 20:40:26 [error] 50#50: *27 connect() failed (111: Connection refused) "
            'while connecting to upstream, client: 192.0.2.1, server: a, request: "DELETE '
            '/api/sessions/1 HTTP/1.1", upstream: "http://127.0.0.1:8083/api/sessions/1"',
            "api-not-running",
        ),
        (
            "connect() failed (111: Connection refused) while connecting to upstream, client: "
            '192.0.2.1, server: l, request: "GET /rtc HTTP/1.1"',
            "livekit-not-running",
        ),
        ("501", "api-wrong-service"),
        # livekit_client, as it prints its exceptions before and since 2023
        ("LiveKit Exception ConnectException Failed to connect to server", "livekit-not-running"),
        (
            "LiveKit Exception: [ConnectException] Timed out waiting for SignalJoinResponseEvent",
            "livekit-refuses-rooms",
        ),
        (
            "LiveKit Exception: [ConnectException] Timed out waiting for "
            "EnginePeerStateUpdatedEvent",
            "media-blocked",
        ),
        (
            "LiveKit Exception: [MediaConnectException] Timed out waiting for PeerConnection to "
            "connect, please check your network for ice connectivity",
            "media-blocked",
        ),
        ("LiveKit Exception: [NegotiationError] Negotiation Error", "livekit-outdated"),
        (
            "LiveKit Exception: [TrackPublishException] Failed to publish track",
            "token-missing-grant",
        ),
        ("LiveKit Exception SignalReconnectError SignalReconnect Error", "livekit-breaks-off"),
        (
            "LiveKit Exception: [UnexpectedStateException] Unexpected connection state",
            "livekit-breaks-off",
        ),
        ("LiveKit Exception TimeoutException Timeout", "media-blocked"),
        ("LiveKit Exception: [TimeoutException] Timeout", "media-blocked"),
        (
            "LiveKit Exception: [ConnectException] invalid token: …, error: token signature is "
            "invalid: error in cryptographic primitive",
            "token-wrong-secret",
        ),
        # The websocket, by its status
        (UPGRADE, "livekit-not-running"),
        (f"{UPGRADE}, HTTP status code: 401", "token-wrong-secret"),
        (f"{UPGRADE}, HTTP status code: 403", "token-wrong-secret"),
        (f"{UPGRADE}, HTTP status code: 404", "proxy-drops-upgrade"),
        (f"{UPGRADE}, HTTP status code: 502", "livekit-not-running"),
        (f"{UPGRADE}, HTTP status code: 503", "livekit-not-running"),
        (f"{UPGRADE}, HTTP status code: 504", "livekit-not-running"),
        (f"{UPGRADE}, HTTP status code: 200", "proxy-wrong-vhost"),
        (f"{UPGRADE}, HTTP status code: 301", "livekit-redirects"),
        (f"{UPGRADE}, HTTP status code: 400", "plain-on-tls-port"),
        (f"{UPGRADE}, HTTP status code: 500", "livekit-not-running"),
        (
            "WebSocketException: Connection to 'http://localhost:7880/rtc#' was not upgraded to "
            "websocket, HTTP status code: 404",
            "session-url-unreachable",
        ),
        ("Unexpected response code: 502", "livekit-not-running"),
        # Dart
        (
            "FormatException: Unexpected character (at character 1)\n<html>\n^",
            "api-wrong-service",
        ),
        ("FormatException: Unexpected end of input (at character 1)", "api-wrong-service"),
        ("SyntaxError: Unexpected token '<', \"<html>\" is not valid JSON", "api-wrong-service"),
        (NO_HOST, "api-wrong-base-url"),
        ("No host specified in URI", "api-wrong-base-url"),
        ("Invalid argument(s): No host specified", "api-wrong-base-url"),
        ("Connection closed before full header was received", "api-breaks-off"),
        (
            "ClientException: Connection closed before full header was received, "
            "uri=http://51.159.110.4:8083/api/sessions",
            "api-breaks-off",
        ),
        (
            "ClientException with SocketException: Connection refused (OS Error: Connection "
            "refused, errno = 111), address = 51.159.110.4, port = 42108, uri=http://51.159.110.4",
            "api-not-running",
        ),
        (
            "ClientException with SocketException: Failed host lookup: 'api.éloquence.com' (OS "
            "Error: No address associated with hostname, errno = 7)",
            "dns-no-record",
        ),
        ("ClientException with SocketException: …", "api-not-running"),
        ("TimeoutException after 0:00:10.000000: Future not completed", "api-hanging"),
        # The guide's own addresses
        ("ws://51.159.110.4:8083/ws/simple/5b1c", "api-legacy-deployed"),
        (
            "WebSocketException: Connection to 'http://51.159.110.4:8083/ws/simple/5b1c#' was not "
            "upgraded to websocket, HTTP status code: 403",
            "api-legacy-deployed",
        ),
        ("/livekit/token", "api-legacy-deployed"),
        ("POST http://51.159.110.4:8083/api/session/start 404", "api-legacy-deployed"),
        ("/api/session/5b1c/end", "api-legacy-deployed"),
        # Statuses
        ("406", "livekit-not-ready"),
        ("410 Gone", "api-response-mismatch"),
        ("429 Too Many Requests", "proxy-denies-access"),
        ("520", "api-breaks-off"),
        ("Exception: Échec de la création de session: 521", "proxy-not-running"),
        ("error code: 522", "firewall-before-server"),
        ("523", "server-unreachable"),
        ("524: A timeout occurred", "api-hanging"),
        ("525", "tls-not-answering"),
        ("526", "cert-expired"),
        (
            'nginx: [emerg] SSL_CTX_use_PrivateKey("/etc/ssl/a.key") failed (SSL: error:05800074:'
            "x509 certificate routines::key values mismatch)",
            "cert-key-mismatch",
        ),
        (
            "'bind :443' in section 'frontend': inconsistencies between private key and "
            "certificate loaded '/etc/haproxy/a.pem'.",
            "cert-key-mismatch",
        ),
        ("Error: tls: private key does not match public key", "cert-key-mismatch"),
        ("530", "server-unreachable"),
        ("HTTP 530, error code: 1033", "proxy-not-running"),
        ("Error 1033", "proxy-not-running"),
        ("Exception: Échec de la création de session: 530", "server-unreachable"),
        ("Exception: Échec de la création de session: 501", "api-wrong-service"),
        ("Exception: Échec de la création de session: 204", "api-response-mismatch"),
        # Dart, and browsers around it
        ("RedirectException: Redirect limit exceeded", "api-redirect-loop"),
        ("ClientException: Connection closed while receiving data", "api-breaks-off"),
        (
            "HttpException: Connection closed while receiving data, uri = https://x",
            "api-breaks-off",
        ),
        ("TypeError: NetworkError when attempting to fetch resource.", "api-cors-missing"),
        ("ClientException: Load failed, uri=https://x/api/sessions", "api-cors-missing"),
        (
            "Origin https://app.test is not allowed by Access-Control-Allow-Origin.",
            "api-cors-missing",
        ),
        ("Fetch API cannot load https://x due to access control checks.", "api-cors-missing"),
        # LiveKit's own words for a token that it has accepted
        ("identity cannot be empty", "token-missing-grant"),
        ("LiveKit Exception: [ConnectException] no room name", "token-missing-grant"),
        ("requested room does not exist", "livekit-refuses-rooms"),
        # livekit_client's reasons for the end of a call
        ("DisconnectReason.serverShutdown", "livekit-crash-looping"),
        ("DisconnectReason.joinFailure", "media-blocked"),
        ("DisconnectReason.stateMismatch", "livekit-breaks-off"),
        ("DisconnectReason.disconnected", "livekit-breaks-off"),
        ("DisconnectReason.signalingConnectionFailure", "livekit-breaks-off"),
        ("DisconnectReason.reconnectAttemptsExceeded", "livekit-breaks-off"),
        ("DisconnectReason.noInternetConnection", "own-network"),
        ("DisconnectReason.unknown", "livekit-breaks-off"),
    ],
)
def test_what_is_pasted_leads_first_to(pasted: str, cause: str) -> None:
    assert read(pasted).causes[0] == cause


@pytest.mark.parametrize(
    "pasted",
    [
        "LiveKit Exception: [TrackCreateException] Failed to create track",
        "DisconnectReason.duplicateIdentity",
        '"reason": "DUPLICATE_IDENTITY"',
        "DisconnectReason.clientInitiated",
        "DisconnectReason.participantRemoved",
        "DisconnectReason.roomDeleted",
        "E2EE Exception: [LiveKitE2EEException] E2EE error",
    ],
)
def test_what_is_not_examined_is_said_and_blamed_on_nothing(pasted: str) -> None:
    symptom = read(pasted)
    assert symptom.causes == ()
    assert "doctor does not" in symptom.reads.en


@pytest.mark.parametrize("status", ["401", "403", "404", "502", "503", "504"])
def test_a_websocket_with_its_status_is_read_more_closely_than_without(status: str) -> None:
    assert read(f"{UPGRADE}, HTTP status code: {status}") != read(UPGRADE)


def test_for_media_that_find_no_way_the_command_that_tries_them_is_named() -> None:
    for pasted in (
        "MediaConnectException",
        "NegotiationError",
        "LiveKit Exception TimeoutException",
    ):
        assert "eloquence check-media" in read(pasted).reads.en
        assert "eloquence check-media" in read(pasted).reads.fr
