"""a system by its name, or as an expression in x"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from ltisys.exits import Stopped

__all__ = ["foreign_code", "named_system"]


@contextlib.contextmanager
def foreign_code() -> Iterator[None]:
    """Run code of the user's: its modules are here, and what it prints is not our output."""
    with contextlib.ExitStack() as after:
        with contextlib.suppress(OSError, AttributeError):  # closed: nothing to keep apart
            sys.stdout.flush()
            kept = os.dup(1)
            after.callback(os.close, kept)
            os.dup2(2, 1)  # for the programs that it starts, and libraries in C
            after.callback(os.dup2, kept, 1)
            after.callback(sys.stdout.flush)
        after.enter_context(contextlib.redirect_stdout(sys.stderr))
        sys.path.insert(0, "")
        try:
            yield
        finally:
            if "" in sys.path:
                sys.path.remove("")


def named_system(text: str) -> tuple[Any, str]:
    """Return the system that the command line names, and Python that makes it."""
    from ltisys.black_box import BlackBox

    start = "import numpy as np, ltisys as lti\n"
    named = re.fullmatch(r"([^\W\d]\w*(?:\.\w+)*):(\w+(?:\.\w+)*)", text)
    if not named:
        code = " ".join(text.split())
        return _expression(code), f"{start}from numpy import *\nsystem = lambda x: {code}"
    module, path = named.groups()
    system = _imported(module, path)
    if isinstance(system, type) and not hasattr(system, "push"):
        raise ValueError(f"{text} is a class; name a function of x, or an instance to be called")
    if BlackBox(system).kind == "factory" and not hasattr(made := system(), "push"):
        raise ValueError(
            f"{text} takes no argument and returns a {type(made).__name__}, which is no stream; "
            f"name a function of x, such as what {text} returns"
        )
    return system, f"{start}import {module}\nsystem = {module}.{path}"


def _imported(module: str, path: str) -> Any:
    import importlib

    from ltisys.errors import LtisysError

    try:
        found = importlib.import_module(module)
    except (KeyboardInterrupt, Stopped):
        raise
    except ModuleNotFoundError as error:
        raise FileNotFoundError(f"{module} cannot be imported: {error}") from error
    except BaseException as error:  # SystemExit, and what test frameworks raise to skip a module
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise LtisysError(f"{module} cannot be imported: it raises {said}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{module} has no attribute {path}")
        found = getattr(found, part)
    return found


def _expression(text: str) -> Any:
    """Return an expression in x as a function of x, with nothing but numpy in scope."""
    import ast

    import numpy as np

    scope = {name: vars(np)[name] for name in np.__all__ if name in vars(np)}
    scope |= {"np": np, "__builtins__": {}}
    try:
        tree = ast.parse(text, mode="eval")
        code = compile(tree, "<expression>", "eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = getattr(error, "msg", None) or error
        raise ValueError(
            f"{text!r} is neither package.module:callable nor an expression in x: {said}"
        ) from error
    nodes = list(ast.walk(tree))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    free = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    free -= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    free -= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for name in sorted(free - scope.keys() - {"x"}):
        raise ValueError(f"{text!r} uses {name}; in scope are x, np and the names of numpy only")
    if "x" not in free:
        raise ValueError(f"{text!r} does not use x; write an expression in x, or module:callable")

    def system(x: Any) -> Any:
        with np.errstate(all="ignore"):  # NaN is found in the answer
            return eval(code, scope | {"x": x})

    return system
