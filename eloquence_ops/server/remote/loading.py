# The beginning of what is sent: it must be read by every Python there is, 2.7 too, to be able to
# say that it is too old. Modules behind it are carried in `sources`, compressed.
import base64
import json
import sys
import types
import zlib

OLDEST = (3, 8)


def too_old(nonce):  # type: ignore[no-untyped-def]
    version = ".".join(str(part) for part in sys.version_info[:3])
    body = json.dumps({"version": 1, "python": version, "python_too_old": True})
    sys.stdout.write(
        "\neloquence-facts-begin %s\n%s\neloquence-facts-end %s\n" % (nonce, body, nonce)
    )


class Carried(object):
    """Finds the modules that came along, by their full names."""

    def __init__(self, sources, spec):  # type: ignore[no-untyped-def]
        self.sources = sources
        self.spec = spec

    def find_spec(self, name, *_):  # type: ignore[no-untyped-def]
        if name not in self.sources:
            return None
        is_package = any(other.startswith(name + ".") for other in self.sources)
        return self.spec(name, self, is_package=is_package)

    def create_module(self, spec):  # type: ignore[no-untyped-def]
        return types.ModuleType(spec.name)

    def exec_module(self, module):  # type: ignore[no-untyped-def]
        name = module.__spec__.name
        exec(compile(self.sources[name], "<%s>" % name, "exec"), module.__dict__)


def carry(blob):  # type: ignore[no-untyped-def]
    sources = json.loads(zlib.decompress(base64.b64decode(blob)).decode("utf-8"))
    from importlib.machinery import ModuleSpec

    sys.meta_path.insert(0, Carried(sources, ModuleSpec))  # type: ignore[no-untyped-call]


def run(blob, parameters):  # type: ignore[no-untyped-def]
    if sys.version_info < OLDEST:
        too_old(parameters["nonce"])  # type: ignore[no-untyped-call]
        return
    carry(blob)  # type: ignore[no-untyped-call]
    from eloquence_ops.server.remote.answering import main
    from eloquence_ops.server.remote.host import Parameters

    main(Parameters(**parameters))


def begin(blob, entry, source):  # type: ignore[no-untyped-def]
    # For a program that is told what to do by frames on standard input: deploy.
    if sys.version_info < OLDEST:
        stream = getattr(sys.stdin, "buffer", sys.stdin)
        length = int(stream.readline().split()[1])
        nonce = json.loads(stream.read(length).decode("utf-8"))["nonce"]  # type: ignore[union-attr]
        version = ".".join(str(part) for part in sys.version_info[:3])
        why = {"kind": "python", "detail": version}
        line = json.dumps({"event": "refused", "why": why})
        sys.stdout.write("\n%s %s\n" % (nonce, line))
        return
    carry(blob)  # type: ignore[no-untyped-call]
    import importlib

    importlib.import_module(entry).main(source)
