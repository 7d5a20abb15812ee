"""The notebooks run from top to bottom as a reader finds them, and are kept without outputs."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
names = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

# A quoted or bare path from the root of a disk or of a home; addresses in the web are none.
ABSOLUTE = re.compile(r"""(?:^|["'`(\s=])(?:/[\w.-]+/|~/|[A-Za-z]:[\\/])""", re.MULTILINE)


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@names
def test_runs_from_top_to_bottom(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class ThisPython(AsyncKernelManager):
        """Starts the interpreter that runs the tests, whatever kernels are installed."""

        @property
        def kernel_spec(self) -> KernelSpec:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    # the user's settings stay out of it, and what a kernel leaves behind goes away
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the checkout, installed or not
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(
        notebook, kernel_manager_class=ThisPython, resources=place, timeout=120
    ).execute()

    said = [o for c in notebook.cells for o in c.get("outputs", ()) if o.get("name") == "stderr"]
    assert [o["text"] for o in said if "Warning" in o["text"]] == []


@names
def test_is_kept_without_outputs(path: Path) -> None:
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert [source(c) for c in code if c["outputs"] or c["execution_count"] is not None] == []
    assert [source(c) for c in cells(path) if c["metadata"]] == []
    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    assert metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
    }


@names
def test_begins_with_a_question_and_ends_with_a_check(path: Path) -> None:
    first, *_ = cells(path)
    assert first["cell_type"] == "markdown"
    assert re.search(r"^\*\*.*\?\*\*$", source(first), re.MULTILINE)
    *_, last = (source(cell) for cell in cells(path) if cell["cell_type"] == "code")
    assert re.search(r"^ *assert ", last, re.MULTILINE)


@names
def test_names_no_absolute_path(path: Path) -> None:
    found = [line for c in cells(path) for line in source(c).splitlines() if ABSOLUTE.search(line)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    ['read("/home/me/hall.wav")', "cd ~/sounds", r"open('C:\sounds')", "see /usr/share/sounds"],
)
def test_an_absolute_path_is_seen(text: str) -> None:
    assert ABSOLUTE.search(text)


@pytest.mark.parametrize(
    "text", ["https://example.org/a/b", 'sound("dry/drums.flac")', "a / b / c", "// 2", "n // k"]
)
def test_other_slashes_are_no_paths(text: str) -> None:
    assert not ABSOLUTE.search(text)
