"""Run yardsticks: ``python -m benchmarks [names...] [--quick] [--repeats N] [--out FOLDER]``.

Each prints its tables and writes them, with the host and the versions, to
``benchmarks/results/<name>.md``. Without names all of them run. ``--quick`` takes tiny sizes to
see that everything works; its numbers mean nothing, so it writes only where ``--out`` says.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from pathlib import Path

from benchmarks.table import Options, Report, progress

NAMES = (
    *("p1", "p2", "p3", "p6", "p7", "filters", "black_boxes", "limits", "costs", "transforms"),
    "choice",
)
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure ltisys against its peers."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all?")
    parser.add_argument("--repeats", type=int, help="runs of each contestant")
    parser.add_argument("--out", type=Path, help="folder for the tables [benchmarks/results]")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in NAMES]
    if unknown:
        parser.error(f"unknown yardstick {unknown[0]!r}; choose from {', '.join(NAMES)}")
    if arguments.repeats is not None and arguments.repeats < 1:
        parser.error(f"--repeats {arguments.repeats} must be at least 1")
    folder = arguments.out or (None if arguments.quick else RESULTS)
    options = Options(quick=arguments.quick, repeats=arguments.repeats)
    failed = 0
    for name in arguments.names or NAMES:
        progress(f"--- {name}")
        start = time.perf_counter()
        try:
            report: Report = importlib.import_module(f"benchmarks.{name}").measure(options)
        except Exception:  # the other yardsticks still run, and the exit code tells
            traceback.print_exc()
            failed += 1
            continue
        flags = " --quick" * options.quick
        flags += f" --repeats {options.repeats}" if options.repeats else ""
        command = f"python -m benchmarks {name}{flags}"
        text = report.markdown(command, time.perf_counter() - start)
        print(text, flush=True)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
