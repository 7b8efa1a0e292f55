"""What `python api.py` does that the service will not do. Pure.

The guide starts the API by `python api.py`, whose `if __name__ == "__main__":` may set things up
before it calls `uvicorn.run`. A service that starts `api:app` never comes past there.
"""

from __future__ import annotations

import ast
from typing import Final

# What is read in a setting-up that has no effect but its own.
_HARMLESS_CALLS: Final = frozenset({"print", "uvicorn.run"})
_CARRIED: Final = frozenset({"app", "host", "port", "log_level", "reload", "workers"})
"""Arguments of `uvicorn.run` that the unit has, or that a service does without."""


def more_than_serving(text: str) -> tuple[str, ...]:
    """The statements that would be lost, as they are written, on one line each; none where there
    is no such block, or where it is not Python."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    lost: list[str] = []
    for statement in module.body:
        if isinstance(statement, ast.If) and _asks_for_main(statement.test):
            lost += [_shown(inner) for inner in statement.body if _does_more(inner)]
    return tuple(lost)


def _asks_for_main(test: ast.expr) -> bool:
    if not (isinstance(test, ast.Compare) and len(test.comparators) == 1):
        return False
    sides = (test.left, test.comparators[0])
    names = {side.id for side in sides if isinstance(side, ast.Name)}
    texts = {side.value for side in sides if isinstance(side, ast.Constant)}
    return names == {"__name__"} and texts == {"__main__"}


def _does_more(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Pass():
            return False
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Expr(value=ast.Call() as call):
            name = ast.unparse(call.func)
            if name != "uvicorn.run":
                return name not in _HARMLESS_CALLS
            return any(word.arg not in _CARRIED for word in call.keywords)
        case ast.Assign(targets=[ast.Name(id=name)]):
            # `port = int(os.getenv("PORT", 8083))`: said by the unit.
            return name.lower() not in _CARRIED
    return True


def _shown(statement: ast.stmt) -> str:
    line = ast.unparse(statement).split("\n")[0]
    return line if len(line) <= 70 else f"{line[:69]}…"
