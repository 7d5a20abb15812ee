"""P6: the start-up of a Python that imports ltisys, and of its command line.

Whole processes, from start to end, run in turn; times are medians. The first row is the bare
interpreter, the second what numpy alone costs.

Goals: `import ltisys` at most 30 ms more than `import numpy`; `ltisys --help` at most 100 ms.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.clock import Process, ProcessFailedError, interleave
from benchmarks.table import Options, Report, at_most

BARE = "python -c pass"
NUMPY = "import numpy"
IMPORT = "import ltisys"
HELP = "python -m ltisys --help"
SCRIPT = "ltisys --help (console script)"


def measure(options: Options) -> Report:
    """Measure every command that works."""
    report = Report(__doc__ or "")
    commands = {
        BARE: [sys.executable, "-c", "pass"],
        NUMPY: [sys.executable, "-c", "import numpy"],
        IMPORT: [sys.executable, "-c", "import ltisys"],
        "import ltisys; ltisys.convolve": [sys.executable, "-c", "import ltisys; ltisys.convolve"],
        HELP: [sys.executable, "-m", "ltisys", "--help"],
    }
    script = shutil.which("ltisys", path=str(Path(sys.executable).parent))
    if script:
        commands[SCRIPT] = [script, "--help"]
    else:
        report.absent.append("the console script beside the interpreter (`pip install ltisys`)")
    processes = {name: Process(command) for name, command in commands.items()}
    for name, process in list(processes.items()):
        try:
            process()
        except ProcessFailedError as failure:
            report.absent.append(f"{name}: failed with `{failure}`")
            del processes[name]
    samples = interleave(processes, options.rounds(21, quick=3))
    base = samples[NUMPY].median
    rows = []
    for name, sample in samples.items():
        over = f"{1e3 * (sample.median - base):+.1f}"
        goal = verdict = ""
        if name == IMPORT:
            goal, verdict = "<= numpy + 30", at_most(1e3 * (sample.median - base), 30)
        elif name in (HELP, SCRIPT):
            goal, verdict = "<= 100", at_most(1e3 * sample.median, 100)
        peak = f"{processes[name].peak_mb:.0f}"
        rows.append([name, f"{1e3 * sample.median:.1f}", over, peak, goal, verdict])
    header = ("what", "ms", "over numpy", "peak MB", "goal (ms)", "verdict")
    report.add("Processes", header, rows)
    report.details(samples, "ms")
    return report
