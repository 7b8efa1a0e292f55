"""Lines that belong together, as programs wrote them: Python 3.11, uvicorn 0.54, go 1.26 from real
runs, Dart's and Android's as their sources write them."""

UVICORN = """\
ERROR:    Exception in ASGI application
Traceback (most recent call last):
  File "/srv/uvicorn/protocols/http/h11_impl.py", line 411, in run_asgi
    result = await app(  # type: ignore[func-returns-value]
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/app.py", line 4, in b
    def b(): raise ValueError("x")
             ^^^^^^^^^^^^^^^^^^^^^
ValueError: x"""
CHAINED = """\
ERROR:root:y
Traceback (most recent call last):
  File "/tmp/py.py", line 13, in <module>
    try: f()
         ^^^
ValueError: bad

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/tmp/py.py", line 14, in <module>
    except ValueError: {}["k"]
                       ~~^^^^^
KeyError: 'k'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/tmp/py.py", line 5, in <module>
RuntimeError: outer
  and its second line"""
GROUP = """\
2026-11-30 19:37:47,123 - api - ERROR - grp
  + Exception Group Traceback (most recent call last):
  |   File "/tmp/py.py", line 8, in <module>
  |     raise ExceptionGroup("many",[ValueError("a"),ExceptionGroup("in",[TypeError("b")])])
  | ExceptionGroup: many (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: a
    +---------------- 2 ----------------
    | ExceptionGroup: in (1 sub-exception)
    +-+---------------- 1 ----------------
      | TypeError: b
      +------------------------------------"""
SYNTAX = """\
Traceback (most recent call last):
  File "/tmp/py.py", line 10, in <module>
    try: compile("a = = 3","f.py","exec")
         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "f.py", line 1
    a = = 3
        ^
SyntaxError: invalid syntax"""
RECURSION = """\
Traceback (most recent call last):
  File "/tmp/py.py", line 17, in r
    def r(): r()
             ^^^
  [Previous line repeated 996 more times]
RecursionError: maximum recursion depth exceeded"""
INTERRUPT = """\
Traceback (most recent call last):
  File "/tmp/py.py", line 17, in r
asyncio.exceptions.CancelledError"""
GO_PANIC = """\
panic: assignment to entry in nil map [recovered]
\tpanic: again
\tline

goroutine 1 [running]:
main.main.func1()
\t/tmp/lk/gp/main.go:5 +0x45
panic({0x4ae580?, 0x57e2a0?})
\t/usr/local/go/src/runtime/panic.go:860 +0x13a
main.f(...)
\t/tmp/lk/gp/main.go:4
github.com/livekit/livekit-server/pkg/rtc.(*Room).Join(0xc000, {0x1, 0x2})
\t/src/room.go:5 +0x85
created by net/http.(*Server).Serve in goroutine 7
\t/usr/local/go/src/net/http/server.go:3 +0x1

goroutine 8 [chan receive, 3 minutes]:
main.main()
\t/tmp/lk/gp/main.go:5 +0x85
exit status 2"""
GO_FATAL = """\
fatal error: concurrent map writes
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4a]

goroutine 1 gp=0x1 m=0 mp=0x2 [running]:
runtime.throw({0x1, 0x2})
\t/usr/local/go/src/runtime/panic.go:1 +0x48
rax    0x0"""
DART = """\
E/flutter ( 1234): [ERROR:flutter/runtime/dart_vm_initializer.cc(41)] Unhandled Exception: \
SocketException: Connection refused (OS Error: Connection refused, errno = 111), address = 10.0.2.2
E/flutter ( 1234): #0      _NativeSocket.startConnect (dart:io-patch/socket_patch.dart:682:35)
E/flutter ( 1234): <asynchronous suspension>
E/flutter ( 1234): #1      SessionApi.create (package:eloquence/api/session_api.dart:42:20)
E/flutter ( 1234): <asynchronous suspension>
E/flutter ( 1234):\x20"""
DART_ALONE = """\
Unhandled exception:
FormatException: Unexpected character (at character 1)
<html>502 Bad Gateway</html>
^

#0      _ChunkedJsonParser.fail (dart:convert-patch/convert_patch.dart:1383:5)
#1      main (file:///tmp/a.dart:3:9)"""
DART_LOGGED = """\
[19:37:47.123] [SEVERE] could not join: HandshakeException
#0      Room.connect (package:livekit_client/src/core/room.dart:300:7)
#1      main (package:app/main.dart:12:3)"""
BANNER = """\
flutter: ══╡ EXCEPTION CAUGHT BY WIDGETS LIBRARY ╞═══════════════════════════
flutter: The following _TypeError was thrown building RoomPage(dirty):
flutter: type 'Null' is not a subtype of type 'String'
flutter:\x20
flutter: When the exception was thrown, this was the stack:
flutter: #0      RoomPage.build (package:app/room_page.dart:24:13)
flutter: (elided 3 frames from dart:async)
flutter: ════════════════════════════════════════════════════════════════════"""
JAVA = """\
11-30 19:37:47.123  1234  5678 E AndroidRuntime: FATAL EXCEPTION: main
11-30 19:37:47.123  1234  5678 E AndroidRuntime: Process: com.example.eloquence, PID: 1234
11-30 19:37:47.123  1234  5678 E AndroidRuntime: java.lang.RuntimeException: Unable to start
11-30 19:37:47.123  1234  5678 E AndroidRuntime: \tat android.app.ActivityThread.main(A.java:26)
11-30 19:37:47.124  1234  5678 E AndroidRuntime: \tat java.lang.reflect.Method.invoke(Native Method)
11-30 19:37:47.124  1234  5678 E AndroidRuntime: Caused by: java.net.ConnectException: failed
11-30 19:37:47.124  1234  5678 E AndroidRuntime: \tat libcore.io.IoBridge.connect(IoBridge.java:142)
11-30 19:37:47.124  1234  5678 E AndroidRuntime: \t... 11 more"""
JAVA_WARNED = """\
W/System.err( 1234): java.net.UnknownHostException: Unable to resolve host
W/System.err( 1234): \tat java.net.InetAddress.lookup(InetAddress.java:1)"""
BOX = """\
I/flutter ( 1234): ┌────────────────────────────────────────
I/flutter ( 1234): │ SocketException: refused
I/flutter ( 1234): ├┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
I/flutter ( 1234): │ #0   main (package:app/main.dart:12:3)
I/flutter ( 1234): ├┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
I/flutter ( 1234): │ ⛔ no session
I/flutter ( 1234): └────────────────────────────────────────"""

ERRORS = {
    "uvicorn": UVICORN,
    "chained": CHAINED,
    "group": GROUP,
    "syntax": SYNTAX,
    "recursion": RECURSION,
    "interrupt": INTERRUPT,
    "go panic": GO_PANIC,
    "go fatal": GO_FATAL,
    "dart": DART,
    "dart alone": DART_ALONE,
    "dart logged": DART_LOGGED,
    "banner": BANNER,
    "java": JAVA,
    "java warned": JAVA_WARNED,
    "box": BOX,
}
