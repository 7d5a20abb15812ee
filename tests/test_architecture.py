"""The architecture, held once and checked: layers, heavy imports, sizes, names, maps.

Every rule is a function from the root of a checkout to a list of complaints, so that each can be
tried on a small tree that breaks it (the second half of this file) as well as on this one.
Only the cost of `import ltisys` needs the package to run; all else is read with `ast`.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from layers import (
    DOORS,
    HEIGHT,
    HOMES,
    INSIDE_FUNCTIONS_ONLY,
    LAYERS,
    MOST_LINES,
    NOT_LOADED_BY_IMPORT,
    SAYS_NOTHING,
    TITLE,
    TOP_LEVEL,
)

ROOT = Path(__file__).resolve().parent.parent

# --- reading a tree -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One name that a module imports: `target` dotted and absolute, `line` where."""

    target: str
    line: int
    lazy: bool  # inside a function
    typing: bool  # under `if TYPE_CHECKING`


Found = tuple[ast.AST, bool, bool]


def modules(root: Path) -> dict[str, Path]:
    """Every module of ltisys by its name inside the package; "" is `ltisys/__init__.py`."""
    package = root / "ltisys"
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    assert found, f"no module found in {package}"
    return found


def dotted(node: ast.AST) -> str | None:
    """`a.b.c` of an attribute chain on a plain name, or None."""
    if isinstance(node, ast.Attribute) and (left := dotted(node.value)):
        return f"{left}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else None


def walk(node: ast.AST, lazy: bool = False, typing: bool = False) -> Iterator[Found]:
    """Yield each node below `node` with whether it is in a function, and under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield child, lazy, typing
        if isinstance(child, ast.If) and (dotted(child.test) or "").endswith("TYPE_CHECKING"):
            yield from walk(ast.Module(child.body, []), lazy, True)
            yield from walk(ast.Module(child.orelse, []), lazy, typing)
        else:
            yield from walk(child, lazy or inside, typing)


def imports(name: str, path: Path) -> list[Import]:
    """Everything that a module imports: statements, `import_module("...")`, and `scipy.signal.f`.

    The last one counts because scipy loads its parts when they are first touched.
    """
    package = ["ltisys", *name.split(".")] if name else ["ltisys"]
    if path.name != "__init__.py":
        package = package[:-1]
    nodes = list(walk(ast.parse(path.read_text(encoding="utf-8"))))
    found: list[Import] = []
    bound: dict[str, str] = {}
    for node, lazy, typing in nodes:
        aliases: list[tuple[str, str]] = []  # (the name it is bound to, what was imported)
        if isinstance(node, ast.Import):
            for a in node.names:
                first = a.name.partition(".")[0]
                aliases.append((a.asname, a.name) if a.asname else (first, first))
                found.append(Import(a.name, node.lineno, lazy, typing))
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            aliases += [(a.asname or a.name, f"{base}.{a.name}") for a in node.names]
            found += [Import(target, node.lineno, lazy, typing) for _, target in aliases]
        elif isinstance(node, ast.Call) and node.args:
            called = (dotted(node.func) or "").rpartition(".")[2]
            text = getattr(node.args[0], "value", None)
            if called in ("import_module", "__import__") and isinstance(text, str):
                target = f"ltisys{text}" if text.startswith(".") else text
                found.append(Import(target, node.lineno, lazy, typing))
        if not typing:
            bound.update(aliases)
    for node, lazy, typing in nodes:
        if not isinstance(node, ast.Attribute):
            continue
        first, _, rest = (dotted(node) or "").partition(".")
        if first in bound and not within(bound[first], "ltisys"):
            found.append(Import(f"{bound[first]}.{rest}", node.lineno, lazy, typing))
    return found


def within(target: str, prefix: str) -> bool:
    return target == prefix or target.startswith(f"{prefix}.")


def module_of(target: str, present: Collection[str]) -> str | None:
    """The module of ltisys that an import reaches: "" for the package itself, None for others."""
    if not within(target, "ltisys"):
        return None
    name = target.removeprefix("ltisys").removeprefix(".")
    while name and name not in HEIGHT and name not in present:
        name = name.rpartition(".")[0]
    return name


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def exports(path: Path) -> set[str]:
    """What `__all__` lists, or without one the public functions and classes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
            values = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            return {v for v in values if isinstance(v, str)}
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {n.name for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_")}


def readme_map(root: Path) -> dict[str, str]:
    """The module map of the README: name of a module -> its line there.

    The map is the fenced block whose first line is `ltisys/`; deeper lines belong to the folder
    above them, and two files with one description share a line: `a.py / b.py   description`.
    """
    text = (root / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^```\w*\nltisys/ *\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert block, "README.md has no module map: a fenced block that begins with the line `ltisys/`"
    lines: dict[str, str] = {}
    folder, indent = "", 0
    for line in block[1].splitlines():
        entry = re.match(r"( +)(\w+(?:\.py|/)(?: / \w+\.py)*)(?: +(.*))?$", line)
        if not entry:
            continue  # the title of a layer, or an empty line
        spaces, files, description = entry[1], entry[2], (entry[3] or "").strip()
        if len(spaces) <= indent:
            folder, indent = "", 0
        for file in files.split(" / "):
            module = folder + file.removesuffix(".py").removesuffix("/")
            lines["" if module == "__init__" else module] = description
        if files.endswith("/"):
            folder, indent = files.replace("/", "."), len(spaces)
    return lines


# --- the rules ------------------------------------------------------------------------------------


def unlisted_modules(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)} is in no layer: add it to LAYERS in tests/test_architecture.py"
        for name, path in modules(root).items()
        if name and name not in HEIGHT
    ]


def wrong_directions(root: Path) -> list[str]:
    problems = []
    through = set()
    present = modules(root)
    for name, path in present.items():
        if name not in HEIGHT:
            continue  # the package itself sees all; what is unlisted is told by its own rule
        title = TITLE[name]
        for it in imports(name, path):
            target = module_of(it.target, present)
            place = f"{path.relative_to(root)}:{it.line} ({title}) imports {it.target}"
            if target is None or target == name or target in LAYERS[title][name]:
                continue
            if target == "":
                if it.target != "ltisys.__version__" and not title.startswith("L8"):
                    problems.append(f"{place}: only L8 may import the package itself")
            elif (name, target) in DOORS and (it.lazy or it.typing):
                through.add((name, target))
            elif HEIGHT.get(target) == HEIGHT[name]:
                problems.append(f"{place}, its sibling: what both need belongs below them")
            elif HEIGHT.get(target, 0) > HEIGHT[name]:
                problems.append(f"{place}, which is above it ({TITLE[target]})")
    for door in DOORS.keys() - through:
        if all(module in present for module in door):
            problems.append(f"DOORS lists {' -> '.join(door)}, which nothing uses: remove it")
    return problems


def misplaced_imports(root: Path) -> list[str]:
    problems = {}  # by place, for `import scipy.signal; scipy.signal.f()` is one complaint a line
    for name, path in modules(root).items():
        for it in imports(name, path):
            home = next((h for h in HOMES if within(it.target, h)), None)
            if home is None or it.typing:
                continue
            place = f"{path.relative_to(root)}:{it.line} uses {home}"
            if name not in HOMES[home]:
                problems[place] = f"only {', '.join(sorted(HOMES[home]))} may"
            elif home in INSIDE_FUNCTIONS_ONLY and not it.lazy:
                problems[place] = "import it inside the function that needs it"
    return [f"{place}: {why}" for place, why in problems.items()]


def long_files(root: Path) -> list[str]:
    problems = []
    for folder in ("ltisys", "tests", "benchmarks", "audio"):
        for path in sorted((root / folder).rglob("*.py")):
            if (count := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES:
                problems.append(f"{path.relative_to(root)} has {count} lines: split it")
    return problems


def poor_names(root: Path) -> list[str]:
    problems = []
    for name, path in modules(root).items():
        last = name.rpartition(".")[2]
        if last.lstrip("_") in SAYS_NOTHING:
            problems.append(f"{path.relative_to(root)}: a name that says nothing; name its job")
        if last and last in exports(path):
            problems.append(f"{path.relative_to(root)} exports {last}, its own name; rename one")
    return problems


def different_maps(root: Path) -> list[str]:
    readme = readme_map(root)
    present = modules(root)
    shown = " ".join(docstring(present[""]).split())
    problems = [f"README.md maps {n}, which does not exist" for n in readme if n not in present]
    for name, path in present.items():
        where = path.relative_to(root)
        if name not in readme:
            problems.append(f"{where} has no line in the module map of README.md")
            continue
        line = readme[name]
        first = docstring(path).partition("\n")[0]
        if line and first != line:
            problems.append(f"{where} begins with\n    {first!r}, but README.md says\n    {line!r}")
        entry = rf"(^| )`*{name}(\.py|/)?`*[ :]+{re.escape(line)}( |$)"
        public = name and not name.startswith("_") and "." not in name
        if public and not re.search(entry, shown):
            problems.append(f"the docstring of ltisys/__init__.py lacks\n    {name}  {line}")
    return problems


def strangers(root: Path) -> list[str]:
    git = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=True
    )
    names = {path.partition("/")[0] for path in git.stdout.split("\0") if path}
    return [f"{name}: not one of the agreed names at the top" for name in sorted(names - TOP_LEVEL)]


Rule = Callable[[Path], list[str]]
RULES: list[Rule] = [
    unlisted_modules,
    wrong_directions,
    misplaced_imports,
    long_files,
    poor_names,
    different_maps,
]


# --- this tree ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_architecture(rule: Rule) -> None:
    problems = rule(ROOT)
    assert not problems, "\n".join(["", *problems])


def test_top_level_of_the_repository() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    problems = strangers(ROOT)
    assert not problems, "\n".join(["", *problems])


def test_import_ltisys_loads_nothing_heavy() -> None:
    code = "import sys, ltisys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    loaded = set(NOT_LOADED_BY_IMPORT) & set(run.stdout.split())
    assert not loaded, f"`import ltisys` loads {sorted(loaded)}; load it where it is first used"


# --- the rules themselves, on trees that break them -----------------------------------------------

README = """\
# Title
```
not the map
```
```
ltisys/
  __init__.py      the map
  __main__.py
  --- L0 ground: numpy only
  errors.py        the exceptions
  engines/         one file each
    fft.py         one transform
    overlap_add.py / overlap_save.py   blocks; a / b
  cli.py           prints
```
"""
TREE = {
    "README.md": README,
    "ltisys/__init__.py": (
        '"""the map\n\nerrors    the exceptions\nengines/  one file each\n`cli`: prints\n"""\n'
    ),
    "ltisys/__main__.py": "from ltisys.cli import main",
    "ltisys/errors.py": '"""the exceptions\n\nmore.\n"""\n',
    "ltisys/engines/__init__.py": '"""one file each"""\nfrom . import fft',
    "ltisys/engines/fft.py": '"""one transform"""\nfrom ..errors import E',
    "ltisys/engines/overlap_add.py": '"""blocks; a / b"""\n',
    "ltisys/engines/overlap_save.py": '"""blocks; a / b"""\n',
    "ltisys/cli.py": '"""prints"""\nimport ltisys as lti\nfrom ltisys import errors\n',
}


def grow(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_a_tree_in_order_passes(tmp_path: Path) -> None:
    grow(tmp_path, TREE)
    assert [problem for rule in RULES for problem in rule(tmp_path)] == []


LATE = "def f():\n    "
TYPING = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "


@pytest.mark.parametrize(
    ("rule", "name", "text", "says"),
    [
        (unlisted_modules, "windows", "", "ltisys/windows.py is in no layer"),
        (unlisted_modules, "engines/winograd", "", "engines/winograd.py is in no layer"),
        (wrong_directions, "errors", "import ltisys.cli", "errors.py:1 (L0 ground) imports"),
        (wrong_directions, "errors", "from . import cli", "above it (L8"),
        (wrong_directions, "errors", "from .cli import main", "above it (L8"),
        (wrong_directions, "errors", LATE + "from ltisys.cli import main", "errors.py:2"),
        (wrong_directions, "errors", TYPING + "from ltisys.cli import main", "errors.py:3"),
        (wrong_directions, "errors", "import_module('.cli', 'ltisys')", "above it (L8"),
        (wrong_directions, "errors", "from ltisys import convolve", "only L8 may import the pack"),
        (wrong_directions, "rooms", "from ltisys import filters", "its sibling"),
        (wrong_directions, "levels", "from ltisys.spectra import rfft", "its sibling"),
        (wrong_directions, "engines/fft", "from .overlap_add import run", "its sibling"),
        (wrong_directions, "engines/fft", "from ..audio import read", "above it (L6"),
        (wrong_directions, "systems", "from ltisys.audio import read", "above it (L6"),
        (misplaced_imports, "errors", "import matplotlib.pyplot as plt", "only check_plots, "),
        (misplaced_imports, "errors", LATE + "import soundfile", "only audio may"),
        (
            misplaced_imports,
            "errors",
            "import importlib\nimportlib.import_module('dask')",
            "corpus",
        ),
        (misplaced_imports, "errors", "import numpy as np\nnp.fft.rfft([1])", "only spectra may"),
        (misplaced_imports, "errors", LATE + "import scipy.signal", "only algebra, analogue, "),
        (misplaced_imports, "systems", "from scipy import signal", "inside the function"),
        (misplaced_imports, "systems", "import scipy\nscipy.signal.lfilter", "systems.py:2"),
        (long_files, "errors", "\n" * 501, "errors.py has 501 lines"),
        (poor_names, "_utils", "", "says nothing"),
        (poor_names, "errors", "def errors(): ...", "exports errors, its own name"),
        (poor_names, "errors", "__all__: list[str] = ['errors']", "exports errors, its own name"),
        (different_maps, "errors", '"""The exceptions."""', "'The exceptions.', but README.md"),
        (different_maps, "levels", "", "levels.py has no line in the module map"),
        (different_maps, "engines/fft", '"""two"""', "README.md says\n    'one transform'"),
        (different_maps, "__init__", '"""the map"""', "__init__.py lacks\n    cli  prints"),
    ],
)
def test_each_rule_catches(rule: Rule, name: str, text: str, says: str, tmp_path: Path) -> None:
    grow(tmp_path, TREE | {f"ltisys/{name}.py": text})
    problems = rule(tmp_path)
    assert len([problem for problem in problems if says in problem]) == 1, problems


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("errors", "from ltisys import __version__"),
        ("errors", TYPING + "import matplotlib.axes\nx: matplotlib.axes.Axes"),
        ("_checks", "from ltisys import _checks, _types, errors"),
        ("systems", LATE + "from scipy import signal\n    signal.lfilter"),
        ("filters", LATE + "import scipy.signal\n    scipy.signal.firwin"),
        ("jobs", "import tqdm\nfrom ltisys.audio import read"),
        ("levels", "def _levels(): ..."),
    ],
)
def test_what_is_allowed_passes(name: str, text: str, tmp_path: Path) -> None:
    grow(tmp_path, TREE | {f"ltisys/{name}.py": text})
    rules = (wrong_directions, misplaced_imports, long_files, poor_names)
    assert [problem for rule in rules for problem in rule(tmp_path)] == []


def test_a_door_is_open_inside_functions_and_never_left_unused(tmp_path: Path) -> None:
    door = LATE + "from ltisys.audio import read"
    grow(tmp_path, TREE | {"ltisys/fir.py": door, "ltisys/audio.py": ""})
    assert wrong_directions(tmp_path) == []
    grow(tmp_path, {"ltisys/fir.py": ""})
    assert "fir -> audio, which nothing uses" in wrong_directions(tmp_path)[0]


def test_a_map_that_promises_too_much_is_told(tmp_path: Path) -> None:
    grow(tmp_path, TREE)
    (tmp_path / "ltisys/engines/fft.py").unlink()
    assert different_maps(tmp_path) == ["README.md maps engines.fft, which does not exist"]


def test_a_stranger_at_the_top_is_told(tmp_path: Path) -> None:
    grow(tmp_path, TREE | {"setup.py": ""})
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q"], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
    assert strangers(tmp_path) == ["setup.py: not one of the agreed names at the top"]
