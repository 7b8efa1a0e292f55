"""Where the program begins: what it is asked for, over SSH or by the unit that it started.

A survey may be followed by what it was made for, without the program being sent and started anew.
What a verb needs is imported when it is asked for: all of it is compiled each time.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from eloquence_ops.deploy.remote.frames import Gone, Heard, Speech
from eloquence_ops.deploy.remote.place import place_of
from eloquence_ops.deploy.remote.why import Failed, of_system

_SURVEY = "survey"


def main(source: bytes) -> None:
    os.umask(0o022)
    if len(sys.argv) > 3:
        _in_the_unit(sys.argv[2], sys.argv[3])
        return
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    heard = Heard()
    try:
        verb: object = _SURVEY
        while verb == _SURVEY:
            frame = heard.next()
            if frame.kind != "j":
                break
            request = json.loads(frame.payload.decode("utf-8"))
            verb = request.get("verb")
            _asked(request, heard, Speech(str(request["nonce"])), source)
    except Gone:
        pass
    # The thread that reads standard input may wait for ever.
    sys.stdout.flush()
    os._exit(0)


def _in_the_unit(verb: str, folder: str) -> None:
    if verb == "apply":
        from eloquence_ops.deploy.remote import apply

        apply.main(folder)
    elif verb == "recover":
        from eloquence_ops.deploy.remote import recovery

        recovery.main(folder)
    elif verb == "rebooted":
        from eloquence_ops.deploy.remote import recovery

        recovery.at_boot(folder)
    elif verb == "again":
        from eloquence_ops.deploy.remote import again

        again.main(folder)


def _asked(request: dict[str, object], heard: Heard, speech: Speech, source: bytes) -> None:
    verb = request.get("verb")
    try:
        if verb == _SURVEY:
            from eloquence_ops.deploy.remote import survey

            found = survey.facts(place_of(request), str(request["nonce"]))
            speech.say_now({"event": "survey", "facts": found})
        elif os.geteuid() != 0 and verb in ("apply", "push-env"):
            raise Failed("root", "")
        elif verb == "apply":
            from eloquence_ops.deploy.remote import door

            door.apply(request, heard, speech, source)
        elif verb == "follow":
            from eloquence_ops.deploy.remote import door

            door.follow(request, heard, speech)
        elif verb == "push-env":
            from eloquence_ops.deploy.remote import env_file

            env_file.push(request, heard, speech)
    except Failed as failed:
        _refused(speech, failed)
    except OSError as error:
        _refused(speech, of_system(error))
    except (KeyError, ValueError, TypeError) as error:
        _refused(speech, Failed("defect", "{}: {}".format(type(error).__name__, error)))


def _refused(speech: Speech, failed: Failed) -> None:
    why = failed.described("receive")
    speech.say_now({"event": "refused", "why": why})
