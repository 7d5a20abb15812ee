"""Promises of the public names: exports, docstrings, defaults, inputs left alone"""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ltisys as lti
from ltisys.engines import ENGINES

PACKAGE = Path(lti.__file__).parent
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__main__.py"
]
PUBLIC = sorted(lti.__all__)
FUNCTIONS = [name for name in PUBLIC if inspect.isfunction(getattr(lti, name))]
CLASSES = [name for name in PUBLIC if inspect.isclass(getattr(lti, name))]
SECTIONS = ["Parameters", "Attributes", "Other Parameters", "Returns", "Yields", "Raises", "Notes",
            "References", "Examples"]  # fmt: skip


# --- exports ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_exports_are_sorted_and_exist(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__all__ == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    for export in module.__all__:
        assert hasattr(module, export), export
        assert not export.startswith("_") or export == "__version__"


def test_the_package_exports_its_lazy_table() -> None:
    assert lti.__all__ == sorted(lti._HOMES)
    for name, home in lti._HOMES.items():
        module = importlib.import_module(f"ltisys.{home}")
        assert name in module.__all__
        assert getattr(lti, name) is getattr(module, name)
        assert name in dir(lti)


def test_the_table_for_type_checkers_is_the_lazy_table() -> None:
    """`if TYPE_CHECKING:` names the same imports that `__getattr__` makes."""
    tree = ast.parse(Path(lti.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    found = {
        alias.name: (node.module or "").removeprefix("ltisys.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert found == lti._HOMES


# --- docstrings ---------------------------------------------------------------------------------


def sections(text: str) -> dict[str, str]:
    """Return the sections of a numpydoc docstring, in their order, "" the text before them."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-+$", inspect.cleandoc(text), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def documented(text: str) -> list[str]:
    """Return the names that a docstring's parameter sections describe, in their order."""
    found = sections(text)
    lines = (found.get("Parameters", "") + found.get("Other Parameters", "")).splitlines()
    names = [re.match(r"(\w+(?:, \w+)*)(?: : .+)?$", line) for line in lines]
    return [name for match in names if match for name in match[1].split(", ")]


def members(cls: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(cls).items():
        if not name.startswith("_") or name == "__call__":
            yield f"{cls.__name__}.{name}", getattr(value, "__func__", value)


METHODS = [m for name in CLASSES for m in members(getattr(lti, name)) if inspect.isfunction(m[1])]


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_are_numpydoc(name: str) -> None:
    found = sections(inspect.getdoc(getattr(lti, name)) or "")
    summary = found[""].strip().partition("\n\n")[0]
    assert summary.endswith(".")
    assert "\n" not in summary
    order = [SECTIONS.index(section) for section in found if section]
    assert order == sorted(order)
    if name in FUNCTIONS:
        assert {"Parameters", "Returns", "Raises", "Examples"} <= set(found)
        assert f"lti.{name}(" in found["Examples"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_are_those_of_the_signature(name: str) -> None:
    function = getattr(lti, name)
    names = documented(function.__doc__)
    assert len(names) == len(set(names))
    assert set(names) == set(inspect.signature(function).parameters)


@pytest.mark.parametrize(("name", "method"), METHODS, ids=[name for name, _ in METHODS])
def test_methods_document_what_they_take(name: str, method: Any) -> None:
    assert (method.__doc__ or "").strip()
    if getattr(method, "__isabstractmethod__", False):
        return
    names = documented(method.__doc__)
    taken = [p for p in inspect.signature(method).parameters if p not in ("self", "cls")]
    # a method of one sentence names its parameters in it
    assert set(names) == set(taken) or (
        not names and all(p in method.__doc__ for p in taken if p not in ("floor_db",))
    )


def test_the_constructor_is_documented_by_its_class() -> None:
    assert documented(lti.FIR.__doc__ or "") == list(inspect.signature(lti.FIR).parameters)


# --- defaults -----------------------------------------------------------------------------------

# the same name with another default, each for a reason
EXCEPTIONS = {
    "channels": "a plan is for one row unless told, noise has no channel axis unless told",
    "at": "signals: where the event is; plot_convolution: the middle unless told",
    "normalize": "correlate: divide by the energies or not; files: to which level, if any",
    "tail": "a filtered file is as long as its input unless asked; all else keeps its tail",
}


def test_the_same_name_has_the_same_default() -> None:
    defaults: dict[str, dict[Any, list[str]]] = {}
    functions = [(name, getattr(lti, name)) for name in FUNCTIONS]
    for name, function in [*functions, ("FIR", lti.FIR), *METHODS]:
        for parameter in inspect.signature(function).parameters.values():
            if parameter.default is not inspect.Parameter.empty:
                key = repr(parameter.default)
                defaults.setdefault(parameter.name, {}).setdefault(key, []).append(name)
    different = {n: places for n, places in defaults.items() if len(places) > 1}
    unexplained = {name: places for name, places in different.items() if name not in EXCEPTIONS}
    assert unexplained == {}
    assert set(EXCEPTIONS) == set(different), "an exception that is none any more"


POSITIONAL = {("feedback", "back"), ("step_response", "frames")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_options_are_keyword_only(name: str) -> None:
    """Data is positional, the rest by keyword: what has a default is never positional."""
    for parameter in inspect.signature(getattr(lti, name)).parameters.values():
        assert parameter.kind is not inspect.Parameter.VAR_KEYWORD
        # of matplotlib's users everyone gives ax so, and methods of systems take these so
        if parameter.name in ("ax", "freqs_hz") or (name, parameter.name) in POSITIONAL:
            continue
        if parameter.default is not inspect.Parameter.empty and (name, parameter.name) != (
            "gain",
            "g",
        ):
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


# --- inputs -------------------------------------------------------------------------------------


def state(array: np.ndarray) -> tuple[Any, ...]:
    flags = array.flags
    return array.tobytes(), array.dtype, array.shape, array.strides, flags.writeable, flags.owndata


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", ">f4", "int16", "bool"])
@pytest.mark.parametrize("method", [*sorted(ENGINES), "auto"])
def test_what_is_passed_in_is_never_changed(method: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    x, h = (rng.integers(-9, 9, (2, n)).astype(dtype) for n in (5000, 300))
    if np.dtype(dtype).kind == "f":
        x[0, 100] = np.nan
        x[1, 50:800] = 0
    before = state(x), state(h)
    for mode in ("full", "same", "valid"):
        lti.convolve(x, h, mode=mode, method=method)
        lti.correlate(x, h, mode=mode, method=method, normalize=True, workers=2)
        assert before == (state(x), state(h))
    for boundary in ("reflect", "nearest", "wrap"):
        lti.convolve(x, h, mode="same", boundary=boundary, method=method)
    lti.convolve(x.T, h[0], axes=0, method=method)
    for response in (h[0], h, np.stack([h, h])):
        kept = state(response)
        system = lti.FIR(response)
        system(x, method=method)
        system(x[:, :10], tail=False, method=method)
        for other in (system >> system, system + system, 2 * system):
            other.frequency_response()
        assert state(response) == kept
    assert before == (state(x), state(h))


def test_answers_are_new_arrays() -> None:
    x = np.ones(5)
    for y in (lti.convolve(x, [1.0]), lti.FIR([1.0])(x), lti.gain(1)(x), lti.delay(0)(x)):
        assert not np.may_share_memory(x, y)
        assert y.flags.writeable
    system = lti.FIR(x)
    assert not np.may_share_memory(system.impulse_response(), system.h)
    assert not np.may_share_memory(system.h, x)


def test_modules_are_reached_as_attributes() -> None:
    code = "import ltisys as lti; print(lti.levels.db(10.0), lti.errors.LtisysError.exit_code)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout == "20.0 65\n"
    with pytest.raises(AttributeError, match=r"^module 'ltisys' has no attribute 'nonsense'$"):
        lti.nonsense  # noqa: B018
