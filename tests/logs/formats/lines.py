"""Lines as programs wrote them, and what they say: one table for all formats.

LiveKit v1.13.5, nginx 1.22.1, HAProxy 2.6, Caddy 2.6, uvicorn 0.54, loguru, structlog: from real
runs. Those of Android and Flutter: as their sources write them.
"""

from dataclasses import dataclass

from eloquence_ops.logs.entry import Fields, Level, Stamp, Words

ROOM = "eloquence-3f2b8c1e-1111-4a6b-9c0d-aaaaaaaaaaaa"
NOW_S = 19 * 3600 + 37 * 60 + 47  # 19:37:47


def day(of_day_s: float = NOW_S, east_s: int | None = None) -> Stamp:
    """On 30 November 2026."""
    return Stamp(of_day_s, 2026, 11, 30, east_s)


@dataclass(frozen=True)
class Case:
    format: str
    line: str
    words: Words


def case(
    format_: str,
    line: str,
    message: str,
    level: Level | None = None,
    stamp: Stamp | None = None,
    fields: Fields = (),
    speaker: str = "",
) -> Case:
    return Case(format_, line, Words(message, level, stamp, fields, speaker))


UVICORN = [
    case(
        "uvicorn",
        'INFO:     1.2.3.4:5 - "POST /api/sessions HTTP/1.1" 200 OK',
        "POST /api/sessions HTTP/1.1",
        Level.INFO,
        fields=(("status", "200"), ("client", "1.2.3.4:5")),
    ),
    case(
        "uvicorn",
        'INFO:     127.0.0.1:45614 - "GET /boom HTTP/1.1" 500 Internal Server Error',
        "GET /boom HTTP/1.1",
        Level.ERROR,
        fields=(("status", "500"), ("client", "127.0.0.1:45614")),
    ),
    case(
        "uvicorn",
        'INFO:     ::1:45614 - "GET /none HTTP/1.1" 404 Not Found',
        "GET /none HTTP/1.1",
        Level.WARNING,
        fields=(("status", "404"), ("client", "::1:45614")),
    ),
    case(
        "uvicorn",
        'INFO:     ("127.0.0.1", 1) - "WebSocket /ws" [accepted]',
        '("127.0.0.1", 1) - "WebSocket /ws" [accepted]',
        Level.INFO,
    ),
    case(
        "uvicorn",
        "ERROR:    Exception in ASGI application",
        "Exception in ASGI application",
        Level.ERROR,
    ),
    case(
        "uvicorn",
        "WARNING:  Invalid HTTP request received.",
        "Invalid HTTP request received.",
        Level.WARNING,
    ),
    case("uvicorn", "CRITICAL: x", "x", Level.CRITICAL),
    case(
        "uvicorn",
        "\x1b[32mINFO\x1b[0m:     Application startup complete.",
        "Application startup complete.",
        Level.INFO,
    ),
]

PYTHON = [
    case(
        "python-logging",
        "2026-11-30 19:37:47,123 - api.sessions - ERROR - no room: a - b",
        "no room: a - b",
        Level.ERROR,
        day(NOW_S + 0.123),
        (("logger", "api.sessions"),),
    ),
    case(
        "python-logging",
        "2026-11-30 19:37:47,123 - WARNING - slow",
        "slow",
        Level.WARNING,
        day(NOW_S + 0.123),
    ),
    case(
        "python-logging",
        "2026-11-30 19:37:47,123 - INFO livekit.agents - registered worker",
        "registered worker",
        Level.INFO,
        day(NOW_S + 0.123),
        (("logger", "livekit.agents"),),
    ),
    case(
        "python-logging",
        "ERROR:root:x: y",
        "x: y",
        Level.ERROR,
        fields=(("logger", "root"),),
    ),
    case(
        "python-logging",
        "2026-11-30 19:57:57.879 | WARNING  | __main__:<module>:21 - hello",
        "hello",
        Level.WARNING,
        day(19 * 3600 + 57 * 60 + 57.879),
        (("logger", "__main__:<module>:21"),),
    ),
]

BRACKETED = [
    case(
        "bracketed",
        "[2026-11-30 19:37:47 +0000] [1234] [INFO] Booting worker with pid: 7",
        "Booting worker with pid: 7",
        Level.INFO,
        day(east_s=0),
        (("pid", "1234"),),
    ),
    case(
        "bracketed",
        "[2026-11-30 19:37:47] [ERROR] room lost",
        "room lost",
        Level.ERROR,
        day(),
    ),
    case(
        "bracketed",
        "[2026-11-30T19:37:47.123456] INFO main: ready",
        "main: ready",
        Level.INFO,
        day(NOW_S + 0.123456),
    ),
    case(
        "bracketed",
        "[19:37:47.123] [SEVERE] [Room] could not connect",
        "could not connect",
        Level.ERROR,
        Stamp(NOW_S + 0.123),
        (("logger", "Room"),),
    ),
    case(
        "bracketed",
        "[FINE] livekit: [SignalClient] reconnecting",
        "livekit: [SignalClient] reconnecting",
        Level.DEBUG,
    ),
    case("bracketed", "[WARNING] livekit: ping timeout", "livekit: ping timeout", Level.WARNING),
    case("bracketed", "[W]  low battery", "low battery", Level.WARNING),
    case("bracketed", "[log] session started", "session started"),
    case("bracketed", "[log] [INFO] x", "x", Level.INFO),
    case("bracketed", "[log] [Room] joined", "[Room] joined"),
]

LIVEKIT = [
    case(
        "json-lines",
        '{"level":"info","ts":1796067467.5,"logger":"livekit","caller":"service/server.go:292",'
        '"msg":"starting LiveKit server","portHttp":37967,"bindAddresses":["127.0.0.1"],'
        '"rtc.portUDP":{"Start":44019,"End":0},"remote":false,"x":null}',
        "starting LiveKit server",
        Level.INFO,
        day(NOW_S + 0.5, 0),
        (
            ("logger", "livekit"),
            ("caller", "service/server.go:292"),
            ("portHttp", "37967"),
            ("bindAddresses", '["127.0.0.1"]'),
            ("rtc.portUDP", '{"Start":44019,"End":0}'),
            ("remote", "false"),
            ("x", "null"),
        ),
    ),
    case(
        "json-lines",
        '{"level":"warn","ts":1796067467,"logger":"livekit.transport.pion.ice",'
        '"caller":"v4@v4.4.0/agent.go:796","msg":"Failed to ping without candidate pairs. '
        f'Connection is not possible yet.","room":"{ROOM}","participant":"user-1"}}',
        "Failed to ping without candidate pairs. Connection is not possible yet.",
        Level.WARNING,
        day(NOW_S, 0),
        (
            ("logger", "livekit.transport.pion.ice"),
            ("caller", "v4@v4.4.0/agent.go:796"),
            ("room", ROOM),
            ("participant", "user-1"),
        ),
    ),
    case(
        "livekit-console",
        "2026-11-30T19:37:47.500Z\tINFO\tlivekit\trouting/interfaces.go:181\t"
        "using single-node routing",
        "using single-node routing",
        Level.INFO,
        day(NOW_S + 0.5, 0),
        (("logger", "livekit"), ("caller", "routing/interfaces.go:181")),
    ),
    case(
        "livekit-console",
        "2026-11-30T19:37:47.500Z\tWARN\tlivekit.transport.pion.mux\tmux/mux.go:176\tno endpoint"
        f'\t{{"room": "{ROOM}", "duration": "2.3ms", "remote": false, "request": {{"name": "r"}}}}',
        "no endpoint",
        Level.WARNING,
        day(NOW_S + 0.5, 0),
        (
            ("logger", "livekit.transport.pion.mux"),
            ("caller", "mux/mux.go:176"),
            ("room", ROOM),
            ("duration", "2.3ms"),
            ("remote", "false"),
            ("request", '{"name":"r"}'),
        ),
    ),
    case(
        "livekit-console",
        "2026-11-30T20:37:47.500+0100\tERROR\tserver/main.go:3\ta\tb",
        "a\tb",
        Level.ERROR,
        day(NOW_S + 3600 + 0.5, 3600),
        (("caller", "server/main.go:3"),),
    ),
    case(
        "livekit-console",
        "2026-11-30T19:37:47.500Z\tDEBUG\tfirst line",
        "first line",
        Level.DEBUG,
        day(NOW_S + 0.5, 0),
    ),
]

JSON = [
    case(
        "json-lines",
        '{"level":"info","ts":1796067467,"logger":"livekit.api","caller":"service/twirp.go:149","msg":'
        '"API RoomService.CreateRoom","request":{"name":"r","emptyTimeout":5},"status":"200"}',
        "API RoomService.CreateRoom",
        Level.INFO,
        day(NOW_S, 0),
        (
            ("logger", "livekit.api"),
            ("caller", "service/twirp.go:149"),
            ("request", '{"name":"r","emptyTimeout":5}'),
            ("status", "200"),
        ),
    ),
    case(
        "json-lines",
        '{"level":"error","ts":1796067467,"logger":"http.log.access.log0","msg":"handled request",'
        '"request":{"remote_ip":"127.0.0.1","remote_port":"5","proto":"HTTP/1.1","method":"GET",'
        '"host":"h:1","uri":"/a?b=c","headers":{"Accept":["*/*"]}},"status":502}',
        "handled request",
        Level.ERROR,
        day(NOW_S, 0),
        (
            ("logger", "http.log.access.log0"),
            ("status", "502"),
            ("request.method", "GET"),
            ("request.uri", "/a?b=c"),
            ("request.host", "h:1"),
            ("request.remote_ip", "127.0.0.1"),
        ),
    ),
    case(
        "json-lines",
        '{"a": 1, "event": "evt", "level": "info", "timestamp": "2026-11-30T19:37:47Z"}',
        "evt",
        Level.INFO,
        day(NOW_S, 0),
        (("a", "1"),),
    ),
    case(
        "json-lines",
        '{"level":50,"time":1796067467000,"pid":7,"msg":"pino"}',
        "pino",
        Level.ERROR,
        day(NOW_S, 0),
        (("pid", "7"),),
    ),
    case(
        "json-lines",
        '{"name":"b","level":30,"msg":"bunyan","time":"2026-11-30T19:37:47.000Z","v":0}',
        "bunyan",
        Level.INFO,
        day(NOW_S, 0),
        (("name", "b"), ("v", "0")),
    ),
    case(
        "json-lines",
        '{"version":"1.1","short_message":"gelf","level":3,"timestamp":1796067467}',
        "gelf",
        Level.ERROR,
        day(NOW_S, 0),
        (("version", "1.1"),),
    ),
    case(
        "json-lines",
        '{"text": "ser 1\\n", "record": {"elapsed": {"seconds": 0.06}, "exception": null, "extra": '
        '{"room": "r"}, "function": "f", "level": {"icon": "!", "name": "WARNING", "no": 30}, '
        '"line": 22, "message": "ser 1", "module": "py", "name": "__main__", "time": {"repr": "…", '
        '"timestamp": 1796067467}}}',
        "ser 1",
        Level.WARNING,
        day(NOW_S, 0),
        (("name", "__main__"), ("function", "f"), ("line", "22"), ("room", "r")),
    ),
]

NGINX = [
    case(
        "nginx-access",
        '127.0.0.1 - - [30/Nov/2026:19:37:47 +0000] "GET /a?b=c HTTP/1.1" 502 157 '
        '"-" "curl/7.88.1"',
        "GET /a?b=c HTTP/1.1",
        Level.ERROR,
        day(NOW_S, 0),
        (("status", "502"), ("client", "127.0.0.1"), ("bytes", "157"), ("agent", "curl/7.88.1")),
    ),
    case(
        "nginx-access",
        '::1 - bob [30/Nov/2026:19:37:47 +0100] "GET / HTTP/2.0" 200 5 "https://a/" '
        '"x \\x22y" 0.003',
        "GET / HTTP/2.0",
        Level.INFO,
        day(NOW_S, 3600),
        (
            ("status", "200"),
            ("client", "::1"),
            ("user", "bob"),
            ("bytes", "5"),
            ("referer", "https://a/"),
            ("agent", "x \\x22y"),
            ("more", "0.003"),
        ),
    ),
    case(
        "nginx-access",
        '127.0.0.1 - - [30/Nov/2026:19:37:47 +0000] "GET \\x16\\x03 \\x22q" 400 157 "-" "-"',
        "GET \\x16\\x03 \\x22q",
        Level.WARNING,
        day(NOW_S, 0),
        (("status", "400"), ("client", "127.0.0.1"), ("bytes", "157")),
    ),
    case(
        "nginx-error",
        "2026/11/30 19:37:47 [error] 28399#28399: *1 connect() failed (111: Connection refused) "
        "while connecting to upstream, client: 127.0.0.1, server: livekit.test, "
        'request: "GET /a?b=c, d HTTP/1.1", upstream: "http://127.0.0.1:9/a?b=c", '
        'host: "127.0.0.1:18097"',
        "connect() failed (111: Connection refused) while connecting to upstream",
        Level.ERROR,
        day(),
        (
            ("connection", "1"),
            ("client", "127.0.0.1"),
            ("server", "livekit.test"),
            ("request", "GET /a?b=c, d HTTP/1.1"),
            ("upstream", "http://127.0.0.1:9/a?b=c"),
            ("host", "127.0.0.1:18097"),
        ),
    ),
    case(
        "nginx-error",
        '2026/11/30 19:37:47 [notice] 28396#28396: using the "epoll" event method',
        'using the "epoll" event method',
        Level.NOTICE,
        day(),
    ),
    case(
        "nginx-error",
        "2026/11/30 19:37:47 [crit] 1#1: *7 SSL_do_handshake() failed while SSL handshaking, "
        "client: 1.2.3.4, server: 0.0.0.0:443",
        "SSL_do_handshake() failed while SSL handshaking",
        Level.CRITICAL,
        day(),
        (("connection", "7"), ("client", "1.2.3.4"), ("server", "0.0.0.0:443")),
    ),
]

HAPROXY_LINE = (
    "127.0.0.1:33536 [30/Nov/2026:19:37:47.500] fe be/s1 0/0/-1/-1/3006 503 217 - - SC-- "
    '1/1/0/0/3 0/0 "GET /a?b=c HTTP/1.1"'
)
HAPROXY_FIELDS = (
    ("status", "503"),
    ("client", "127.0.0.1:33536"),
    ("frontend", "fe"),
    ("server", "be/s1"),
    ("timers", "0/0/-1/-1/3006"),
    ("bytes", "217"),
    ("termination", "SC--"),
)
HAPROXY = [
    case(
        "haproxy",
        HAPROXY_LINE,
        "GET /a?b=c HTTP/1.1",
        Level.ERROR,
        day(NOW_S + 0.5),
        HAPROXY_FIELDS,
    ),
    case(
        "haproxy",
        "::1:5 [30/Nov/2026:19:37:47.500] fe~ be/s1 0/0/0/-1/9 -1 0 - - CH-- 1/1/0/0/0 0/0 "
        '{h.test|x} "GET /rtc HTTP/1.1"',
        "GET /rtc HTTP/1.1",
        Level.WARNING,
        day(NOW_S + 0.5),
        (
            ("status", "-1"),
            ("client", "::1:5"),
            ("frontend", "fe~"),
            ("server", "be/s1"),
            ("timers", "0/0/0/-1/9"),
            ("bytes", "0"),
            ("termination", "CH--"),
        ),
    ),
    case(
        "syslog",
        f"2026-11-30T19:37:47.512345+00:00 vm haproxy[123]: {HAPROXY_LINE}",
        "GET /a?b=c HTTP/1.1",
        Level.ERROR,
        day(NOW_S + 0.5),
        HAPROXY_FIELDS,
        "haproxy/123",
    ),
    case(
        "syslog",
        "Nov  3 19:37:47 vm systemd[1]: Started livekit.service.",
        "Started livekit.service.",
        None,
        Stamp(NOW_S, None, 11, 3),
        (("program", "systemd"),),
        "systemd/1",
    ),
    case(
        "syslog",
        "Nov 30 19:37:47 vm kernel: usb 1-1",
        "usb 1-1",
        None,
        Stamp(NOW_S, None, 11, 30),
        (("program", "kernel"),),
        "kernel/",
    ),
]

APP = [
    case(
        "logcat-threadtime",
        "11-30 19:37:47.500  1234  5678 I flutter : [SEVERE] no route",
        "no route",
        Level.ERROR,
        Stamp(NOW_S + 0.5, None, 11, 30),
        speaker="flutter/1234",
    ),
    case(
        "logcat-threadtime",
        "11-30 19:37:47.500  1234  5678 W System.err: \tat a.b.C.d(C.java:1)",
        "\tat a.b.C.d(C.java:1)",
        Level.WARNING,
        Stamp(NOW_S + 0.5, None, 11, 30),
        (("tag", "System.err"),),
        "System.err/1234",
    ),
    case(
        "logcat-threadtime",
        "2026-11-30 19:37:47.500 +0100  1234  5678 E AndroidRuntime: FATAL EXCEPTION: main",
        "FATAL EXCEPTION: main",
        Level.ERROR,
        day(NOW_S + 0.5, 3600),
        (("tag", "AndroidRuntime"),),
        "AndroidRuntime/1234",
    ),
    case(
        "logcat-threadtime",
        "11-30 19:37:47.500000 +0000  u0_a123  1234  5678 D tag with space: m",
        "m",
        Level.DEBUG,
        Stamp(NOW_S + 0.5, None, 11, 30, 0),
        (("tag", "tag with space"),),
        "tag with space/1234",
    ),
    case(
        "logcat-threadtime",
        "11-30 19:37:47.500  1234  5678 I flutter : [07:00:00.000] [INFO] x",
        "x",
        Level.INFO,
        Stamp(NOW_S + 0.5, None, 11, 30),
        speaker="flutter/1234",
    ),
    case(
        "logcat-brief",
        "I/flutter ( 1234): 19:37:47: connected",
        "connected",
        Level.INFO,
        Stamp(NOW_S),
        speaker="flutter/1234",
    ),
    case("logcat-brief", "I/flutter (12345):", "", Level.INFO, speaker="flutter/12345"),
    case(
        "logcat-brief",
        "11-30 19:37:47.500 D/EGL_emulation( 4321): app_time_stats: avg=1ms",
        "app_time_stats: avg=1ms",
        Level.DEBUG,
        Stamp(NOW_S + 0.5, None, 11, 30),
        (("tag", "EGL_emulation"),),
        "EGL_emulation/4321",
    ),
    case(
        "logcat-brief",
        "E/AndroidRuntime: FATAL EXCEPTION: main",
        "FATAL EXCEPTION: main",
        Level.ERROR,
        None,
        (("tag", "AndroidRuntime"),),
        "AndroidRuntime/",
    ),
    case("flutter-print", "flutter: session started", "session started"),
    case(
        "flutter-print",
        "flutter: INFO: 2026-11-30 19:37:47.500000: livekit: joined",
        "livekit: joined",
        Level.INFO,
        day(NOW_S + 0.5),
    ),
    case(
        "flutter-print",
        "flutter: \\^[[38;5;12m│ 💡 joined\\^[[0m",
        "│ joined",
        Level.INFO,
    ),
    case(
        "dart-logging",
        "SEVERE: 2026-11-30 19:37:47.500: main: lost",
        "main: lost",
        Level.ERROR,
        day(NOW_S + 0.5),
    ),
    case("logger-box", "⚠️ low", "low", Level.WARNING),
    case("logger-box", "┌──────────", "┌──────────"),
    case("logger-box", "\x1b[38;5;196m│ ⛔ lost\x1b[0m", "│ lost", Level.ERROR),
    case(
        "logger-box",
        "│ #0   main (package:app/main.dart:12:3)",
        "│ #0   main (package:app/main.dart:12:3)",
    ),
]

TIMESTAMPED = [
    case(
        "timestamped", "2026-11-30T19:37:47Z room joined: x", "room joined: x", None, day(NOW_S, 0)
    ),
    case("timestamped", "2026-11-30T19:37:47Z hello", "hello", None, day(NOW_S, 0)),
    case("timestamped", "2026-11-30 19:37:47.500000: hello", "hello", None, day(NOW_S + 0.5)),
    case("timestamped", "2026-11-30T19:37:47+02:00 | hello", "hello", None, day(NOW_S, 7200)),
    case("timestamped", "19:37:47.500 hello", "hello", None, Stamp(NOW_S + 0.5)),
    case("timestamped", "19:37:47: joined room", "joined room", None, Stamp(NOW_S)),
    case(
        "timestamped", "2026-11-30 19:37:47 [info     ] evt   a=1", "evt   a=1", Level.INFO, day()
    ),
    case("timestamped", "2026/11/30 19:37:47 ERROR: x", "x", Level.ERROR, day()),
    case("timestamped", "2026/11/30 19:37:47 INFORMED", "INFORMED", None, day()),
]

CASES = [
    *UVICORN,
    *PYTHON,
    *BRACKETED,
    *LIVEKIT,
    *JSON,
    *NGINX,
    *HAPROXY,
    *APP,
    *TIMESTAMPED,
]

PLAIN = [
    "",
    "hello",
    "INFO hello",
    "Traceback (most recent call last):",
    '  File "/tmp/app.py", line 4, in b',
    "ValueError: x",
    "[1, 2, 3]",
    "[room] hello",
    '{"a": 1}',
    "{not json}",
    "99:99:99 x",
    "2026-13-41 19:37:47 x",
    "19 rooms",
    "flutter 3.24",
    "I/O error: x",
    "ERROR:12:30:45 x",
    "[Room] [INFO] x",
    "--------- beginning of main",
    '1.2.3.4 - - [99/Foo/2026:19:37:47 +0000] "GET / HTTP/1.1" 200 5 "-" "-"',
]
