"""What the documentation shows is true: doctests, the README's Python, the README's shell lines."""

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ltisys

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(ltisys.__path__, "ltisys.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    module = importlib.import_module(name)
    with np.printoptions():
        outcome = doctest.testmod(module, extraglobs={"np": np}, verbose=False)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")  # it warns of twenty open figures
    assert outcome.failed == 0


def test_every_public_function_shows_an_example() -> None:
    without = [
        name
        for name in ltisys.__all__
        if callable(getattr(ltisys, name))
        and not isinstance(getattr(ltisys, name), type)
        and ">>>" not in (getattr(ltisys, name).__doc__ or "")
    ]
    assert without == []


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    first, second, third, fourth, *others = blocks("python")
    code = "\n".join(["import numpy as np", first, second, third, fourth])
    (tmp_path / "audio").symlink_to(ROOT / "audio")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "wet.wav").stat().st_size > 100_000
    assert "overlap-save" in done.stdout
    assert "partitioned: blocks of 64 frames" in done.stdout
    assert len(others) == 1, "the other block needs MKL: test_spectra runs its like"
    compile(others[0], "README", "exec")


def test_the_shell_lines_of_the_readme_run(tmp_path: Path) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines]
    commands = [words for words in commands if words[:1] == ["ltisys"]]
    assert len(commands) >= 3
    (tmp_path / "audio").symlink_to(ROOT / "audio")
    for words in commands:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), words
        assert done.stdout
    assert (tmp_path / "wet.wav").exists()
    assert (tmp_path / "plate.flac").exists()


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
