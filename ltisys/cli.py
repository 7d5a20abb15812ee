"""the command line from its arguments to an exit code"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from ltisys.arguments import parser
from ltisys.exits import STOPPED, Stopped, exit_code, heed_signals, sentence, tell

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = parser().parse_args(argv)
    try:
        heed_signals()
        code = int(arguments.run(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return STOPPED + signal.SIGINT
    except Stopped as stop:
        return STOPPED + stop.number
    except BrokenPipeError:
        # nobody reads our output any more: end quietly, and keep Python from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STOPPED + signal.SIGPIPE
    except Exception as error:
        if arguments.debug:
            raise
        tell(sentence(error))
        return exit_code(error)
