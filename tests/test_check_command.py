"""`ltisys check`: systems by name and as expressions, exit codes, one-line errors, clean output."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ltisys.cli import main

ROOT = Path(__file__).resolve().parent.parent
LTISYS = [sys.executable, "-W", "error", "-m", "ltisys"]
QUICK = ("--trials", "4")

MODULES = {
    "demo.py": """
import os
import sys
import numpy as np
import ltisys as lti

print("imported: this is no output of ours")

class Amp:
    def __init__(self, gain=2.0):
        self.gain = gain
    def __call__(self, x):
        return self.gain * x

class Late:
    '''A stream.'''
    def __init__(self):
        self.kept = np.zeros(1)
    def push(self, block):
        both = np.concatenate([self.kept, block], axis=-1)
        self.kept = both[-1:]
        return both[:-1]
    def flush(self):
        return self.kept

class Odd:
    @property
    def broken(self):
        raise RuntimeError("no such luck")

amp = Amp()
hall = lti.FIR([1.0, 0.5, 0.25])
odd = Odd()
three = 3.0

def gain(x):
    return 0.5 * x

def clip(x):
    print("a number", file=sys.stdout)
    print("another", file=sys.__stdout__)
    os.system("echo from a program")
    return np.clip(x, -0.9, 0.9)

def make():
    return lambda x: x

def stream():
    return lti.FIR([1.0, 0.5]).stream(block_size=64, dtype="float64")

def moody(x):
    raise RuntimeError("not today")

def quits(x):
    sys.exit(3)

def nan(x):
    return x * np.nan

def cross(x):
    return x[::-1]
""",
    "package/__init__.py": "",
    "package/deep.py": "def gain(x):\n    return x / 3\n",
    "broken.py": "raise RuntimeError('two\\nlines')\n",
    "wrong.py": "def f(x:\n",
    "quits.py": "import sys\nsys.exit(5)\n",
    "mute.py": "raise SystemExit\n",
    "skips.py": "import pytest\npytest.skip('later', allow_module_level=True)\n",
    "needy.py": "import a_module_that_is_not_there\n",
    "valued.py": "raise ValueError('a bad value')\n",
    "absent.py": "open('no-such-file')\n",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with modules, good and bad; we stand in it."""
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # main() runs inside the test process
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    sys.path_importer_cache.clear()
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) is None or str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        code = main(["check", *words])
    except SystemExit as stop:  # how argparse ends
        code = int(stop.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


# --- what is checked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("0.5 * x", 0),
        ("convolve(x, [1, 0.5])", 0),
        ("np.convolve(x, [1, 0.5])", 0),
        ("sum([k * x for k in (1, 2)], axis=0)", 0),
        ("(lambda y: y + y)(x)", 0),
        ("(y := 2 * x) - x", 0),
        ("clip(x, -0.9, 0.9)", 1),
        ("abs(x)", 1),
        (" x + 1 ", 1),
        ("x[::-1]", 1),
        ("x * nan", 65),
        ("x[1 / 0]", 65),
        ("x.nothing", 65),
        ("demo:gain", 0),
        ("demo:amp", 0),
        ("demo:amp.__call__", 0),
        ("demo:hall", 0),
        ("demo:stream", 0),
        ("demo:Late", 0),
        ("package.deep:gain", 0),
        ("numpy:negative", 0),
        ("numpy:abs", 1),
        ("demo:moody", 65),
        ("demo:quits", 65),
        ("demo:nan", 65),
    ],
)
def test_the_exit_code_says_what_was_found(
    here: Path, capsys: pytest.CaptureFixture[str], system: str, code: int
) -> None:
    before, folders = sorted(here.rglob("*")), list(sys.path)
    got, out, err = run(capsys, system, *QUICK, "--properties", "linear,time-invariant")
    assert (got, "Traceback" in out + err) == (code, False), out + err
    name = " ".join(system.split())
    said = {0: "no counterexample to", 1: "counterexamples found: not", 65: "could not be judged"}
    assert out.startswith(f"{name}: ")
    assert said[code] in out.splitlines()[0]
    assert ("to reproduce:" in out) == (code == 1)
    assert sorted(here.rglob("*")) == before
    assert sys.path == folders


@pytest.mark.parametrize(
    ("system", "made"),
    [
        ("clip(x, -1, 1)", "from numpy import *\n    system = lambda x: clip(x, -1, 1)\n"),
        ("demo:clip", "import demo\n    system = demo.clip\n"),
    ],
)
def test_what_is_printed_reproduces_the_counterexample(
    here: Path, capsys: pytest.CaptureFixture[str], system: str, made: str
) -> None:
    out = run(capsys, system, *QUICK, "--properties", "homogeneous")[1]
    head, _, tail = out.partition("\nto reproduce:\n    ")
    assert tail == f"import numpy as np, ltisys as lti\n    {made}"
    scope: dict[str, object] = {}
    sys.path.insert(0, str(here))
    try:
        exec(tail.replace("    ", ""), scope)
        apart = eval(head.rstrip().splitlines()[-1].strip(), scope)
    finally:
        sys.path.remove(str(here))
    assert np.abs(apart).max() > 0.01
    capsys.readouterr()


def test_options_reach_the_check(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "demo:cross", "--inputs", "2", "--fs", "8e3", "--frames", "64", "--trials", "3",
        "--seed", "7", "--properties", "linear, causal,", "--tolerance-db", "-90", "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert code == 0
    assert found["name"] == "demo:cross"
    assert (found["inputs"], found["outputs"], found["fs"]) == (2, 2, 8000.0)
    assert (found["seed"], found["trials"]) == (7, 3)
    assert found["demanded"] == ["linear", "causal"]
    assert run(capsys, "x + 0.01 * x**2", *QUICK, "--tolerance-db", "-20", "--quiet")[0] == 1
    assert run(capsys, "x[::-1]", "--properties", "linear,stable", *QUICK)[0] == 0


def test_a_minus_comes_after_two(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *QUICK, "--", "-x")[0] == 0
    assert run(capsys, *QUICK, "-0.5 * x")[0] == 0


# --- what is printed ------------------------------------------------------------------------------


def test_the_output_is_json_whatever_the_system_prints(here: Path) -> None:
    done = subprocess.run(
        [*LTISYS, "check", "demo:clip", "--json", "--properties", "homogeneous", *QUICK],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["holds"] is False
    assert found["verdicts"]["homogeneous"]["counterexample"]["reproduce"]
    for text in ("imported", "a number", "another", "from a program"):
        assert text in done.stderr


def test_quiet_prints_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--quiet", "--properties", "linear", *QUICK)
    assert run(capsys, "x**2", *words) == (1, "", "")
    assert run(capsys, "2 * x", *words) == (0, "", "")
    assert json.loads(run(capsys, "2 * x", "--json", *words)[1])["holds"] is True


def test_the_page_is_written_whole(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("report.html").write_text("an old one")
    code, out, err = run(capsys, "clip(x, -1, 1)", "--html", "report.html", *QUICK, "--quiet")
    assert (code, out, err) == (1, "", "")
    page = Path("report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>\n")
    assert "system = lambda x: clip(x, -1, 1)" in page
    assert not list(here.glob(".*"))


# --- what goes wrong ------------------------------------------------------------------------------

BAD = [
    (["nosuch:f"], 66, "ltisys: nosuch cannot be imported: No module named 'nosuch'"),
    (["package.nosuch:f"], 66, "No module named 'package.nosuch'"),
    (["demo.py:gain"], 66, "demo.py cannot be imported: No module named 'demo.py'"),
    (["needy:f"], 66, "needy cannot be imported: No module named 'a_module_that_is_not_there'"),
    (["demo:nosuch"], 2, "ltisys: demo has no attribute nosuch"),
    (["demo:amp.nosuch"], 2, "ltisys: demo has no attribute amp.nosuch"),
    (["demo:three"], 2, "system=3.0 must be a callable x -> y"),
    (["demo:odd.broken"], 65, "ltisys: no such luck"),
    (["demo:Amp"], 2, "demo:Amp is a class; name a function of x, or an instance to be called"),
    (["numpy:float64"], 2, "numpy:float64 is a class"),
    (["demo:make"], 2, "demo:make takes no argument and returns a function, which is no stream"),
    (["broken:f"], 65, "broken cannot be imported: it raises RuntimeError: two lines"),
    (["wrong:f"], 65, "wrong cannot be imported: it raises SyntaxError"),
    (["quits:f"], 65, "quits cannot be imported: it raises SystemExit: 5"),
    (["mute:f"], 65, "mute cannot be imported: it raises SystemExit\n"),
    (["skips:f"], 65, "skips cannot be imported: it raises Skipped: later"),
    (["valued:f"], 65, "valued cannot be imported: it raises ValueError: a bad value"),
    (["absent:f"], 65, "absent cannot be imported: it raises FileNotFoundError"),
    (["x +"], 2, "'x +' is neither package.module:callable nor an expression in x: invalid"),
    (["x = 1"], 2, "'x = 1' is neither"),
    (["./demo.py:gain"], 2, "neither package.module:callable nor an expression"),
    (["demo:"], 2, "'demo:' is neither"),
    ([""], 2, "'' is neither"),
    (["(" * 2000 + "x" + ")" * 2000], 2, "is neither package.module:callable nor an"),
    (["demo"], 2, "'demo' uses demo; in scope are x, np and the names of numpy only"),
    (["open('a', 'w')"], 2, "uses open; in scope are x, np and the names of numpy only"),
    (["__import__('os').getcwd() + x"], 2, "uses __import__"),
    (["len(x) * x"], 2, "uses len"),
    (["3 + pi"], 2, "'3 + pi' does not use x; write an expression in x, or module:callable"),
    (["(lambda x: x)(1)"], 2, "does not use x"),
    (["x", "--properties", "linaer"], 2, "properties holds 'linaer'; each must be one of"),
    (["x", "--properties", ""], 2, "properties=() must name at least one property"),
    (["x", "--inputs", "0"], 2, "inputs=0 must be an integer >= 1"),
    (["x", "--trials", "0"], 2, "trials=0 must be an integer >= 1"),
    (["x", "--trials", "some"], 2, "invalid whole number value: 'some'"),
    (["x", "--frames", "-1"], 2, "frames=-1 must be an integer >= 1"),
    (["x", "--fs", "nan"], 2, "fs=nan must be a finite number > 0 in Hz"),
    (["x", "--tolerance-db", "inf"], 2, "tolerance_db=inf must be a finite number in dB"),
    (["x", "--html", "nowhere/report.html"], 73, "there is no folder"),
    (["x", "--html", "package"], 73, "cannot create package: it is a folder"),
    ([], 2, "the following arguments are required: SYSTEM"),
    (["-x"], 2, "see ltisys check --help"),
    (["x", "y"], 2, "unrecognized arguments: y"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), BAD, ids=[str(bad[0])[:40] for bad in BAD])
def test_what_goes_wrong_is_one_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, sentence: str
) -> None:
    before, folders = sorted(here.rglob("*")), list(sys.path)
    got, out, err = run(capsys, *words)
    err = err.replace("imported: this is no output of ours\n", "")
    assert (got, out) == (code, "")
    assert sentence in err
    assert err.count("\n") == 1, err
    assert sorted(here.rglob("*")) == before
    assert sys.path == folders


def test_debug_shows_where(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="has no attribute"):
        run(capsys, "demo:nosuch", "--debug")


def test_closed_streams_do_not_matter(here: Path) -> None:
    command = '"$0" -W error -m ltisys check demo:gain --trials 2 --properties linear >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert done.stdout == ""
