"""parses, calls the public API, prints; no maths"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from ltisys import __version__

__all__ = ["main"]

COUNTEREXAMPLE = 1
USAGE, BAD_DATA, NO_INPUT, CANNOT_CREATE, IO_ERROR = 2, 65, 66, 73, 74
STOPPED = 128  # plus the number of the signal
FORMATS = ("f32le", "f64le", "s16le", "s24le", "s32le", "wav")
METHODS = ("auto", "direct", "fft", "overlap-add", "overlap-save", "partitioned")


class _Stopped(BaseException):
    """A signal asked the program to end; like KeyboardInterrupt, no `except Exception` meets it."""

    def __init__(self, number: int) -> None:
        self.number = number


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        _heed_signals()
        code = int(arguments.run(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return STOPPED + signal.SIGINT
    except _Stopped as stop:
        return STOPPED + stop.number
    except BrokenPipeError:
        # nobody reads our output any more: end quietly, and keep Python from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STOPPED + signal.SIGPIPE
    except Exception as error:
        if arguments.debug:
            raise
        _tell(_sentence(error))
        return _exit_code(error)


def _heed_signals() -> None:
    """Turn the signals that end a program into exceptions, so that nothing is left behind."""

    def stop(number: int, frame: object) -> None:
        for heeded in heard:  # a second one must not interrupt the tidying up
            signal.signal(heeded, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else _Stopped(number)

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    heard = [getattr(signal, name) for name in names if hasattr(signal, name)]
    for number in heard:
        try:
            signal.signal(number, stop)
        except ValueError:  # not the main thread: whoever runs us there heeds the signals
            return


def _tell(sentence: str) -> None:
    """Print a line on standard error, if it is open: print() would take the output instead."""
    if sys.stderr is not None:
        print(f"ltisys: {sentence}", file=sys.stderr)


def _sentence(error: Exception) -> str:
    """Return an error as one line."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _exit_code(error: Exception) -> int:
    from ltisys.errors import LtisysError

    if isinstance(error, LtisysError):
        return error.exit_code
    if isinstance(error, FileNotFoundError | IsADirectoryError | PermissionError):
        return NO_INPUT
    if isinstance(error, OSError):
        return IO_ERROR
    return USAGE if isinstance(error, ValueError | TypeError) else BAD_DATA


# --- commands -------------------------------------------------------------------------------------


def _convolve(arguments: argparse.Namespace) -> int:
    from ltisys.files import FileJob

    if arguments.in_place and arguments.out is not None:
        raise ValueError("--in-place writes onto the input; it takes no -o")
    if not arguments.in_place and arguments.out is None:
        raise ValueError("say where the output goes: -o wet.wav, or --in-place")
    job = FileJob(
        arguments.source,
        arguments.ir,
        arguments.source if arguments.in_place else arguments.out,
        mix=arguments.mix,
        predelay_s=arguments.predelay_ms / 1e3,
        gain_db=arguments.gain_db,
        normalize=arguments.normalize,
        tail=not arguments.no_tail,
        subtype=arguments.subtype,
        resample=arguments.resample,
        overwrite=arguments.overwrite,
        in_place=arguments.in_place,
    )
    if arguments.dry_run:
        _print(arguments, job.describe())
        return 0
    report = job.run(progress=not arguments.quiet)
    if arguments.json:
        _print(arguments, report.to_dict())
    elif not arguments.quiet:
        print(report)
    if report.clipped and not arguments.quiet:
        _tell(
            f"{report.clipped:,} frames clipped at a peak of {report.peak_db:+.1f} dBFS; "
            f"lower --gain-db, or --normalize peak"
        )
    return 0


def _stream(arguments: argparse.Namespace) -> int:
    from ltisys.pipes import convolve_pipe

    if sys.stdin is None or sys.stdout is None:
        raise ValueError("standard input or output is closed; pipe sound in, and out")
    with (
        open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as source,
        open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as out,
    ):
        report = convolve_pipe(
            source,
            arguments.ir,
            out,
            format=arguments.format,
            block_size=arguments.block_size,
            fs=arguments.fs,
            channels=arguments.channels,
            mix=arguments.mix,
            predelay_s=arguments.predelay_ms / 1e3,
            gain_db=arguments.gain_db,
            tail=not arguments.no_tail,
            resample=arguments.resample,
        )
    if not arguments.quiet:
        _tell(str(report))
    for sentence in report.lost:
        _tell(sentence)
    return BAD_DATA if report.lost else 0


def _plan(arguments: argparse.Namespace) -> int:
    from ltisys.planner import plan

    chosen = plan(
        frames=arguments.frames,
        taps=arguments.taps,
        channels=arguments.channels,
        dtype=arguments.dtype,
        method=arguments.method,
        block_size=arguments.block_size,
        workers=arguments.workers,
    )
    if arguments.json:
        from dataclasses import asdict

        _print(arguments, asdict(chosen))
    else:
        print(chosen)
    return 0


def _info(arguments: argparse.Namespace) -> int:
    from ltisys.survey import survey_file

    surveys = [survey_file(path) for path in arguments.paths]
    if arguments.json:
        found = [survey.to_dict() for survey in surveys]
        _print(arguments, found[0] if len(found) == 1 else found)
    else:
        print("\n\n".join(map(str, surveys)))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from ltisys.properties import check
    from ltisys.replacing import Replacement
    from ltisys.reports import check_page

    file = None if arguments.html is None else Replacement(arguments.html, overwrite=True)
    options = ("fs", "inputs", "frames", "trials", "seed", "properties", "tolerance_db")
    with _foreign_code():
        system, setup = _system(arguments.system)
        report = check(system, **{name: getattr(arguments, name) for name in options})
    report = replace(report, name=" ".join(arguments.system.split()))
    if file is not None:
        page = check_page(report, setup=setup).encode()
        file.begin()
        try:
            with open(file.file.fileno(), "wb", closefd=False) as out:
                out.write(page)
            file.commit()
        finally:
            file.discard()
    if arguments.json:
        _print(arguments, report.to_dict())
    elif not arguments.quiet:
        print(report)
        if report.failures:
            print("\nto reproduce:", *setup.splitlines(), sep="\n    ")
    if report:
        return 0
    return COUNTEREXAMPLE if report.failures else BAD_DATA


def _demo(arguments: argparse.Namespace) -> int:
    from ltisys.audio import shipped_sound
    from ltisys.files import convolve_file

    report = convolve_file(
        shipped_sound("dry/sentence.flac"),
        shipped_sound("responses/hall.flac"),
        os.path.abspath(arguments.out),
        mix=0.4,
        overwrite=True,
    )
    print(f"A spoken sentence in a concert hall is in {report}")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from ltisys.doctor import installation

    found = installation()
    if arguments.json:
        _print(arguments, found)
        return 0
    for name, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v or 'not installed'}" for k, v in value.items())
        elif isinstance(value, list):
            value = " ".join(value)
        print(f"{name:<12}{value}")
    return 0


def _print(arguments: argparse.Namespace, values: Any) -> None:
    """Print values as JSON, or as lines of name and value."""
    if arguments.json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
        return
    for name, value in values.items():
        if name == "plan":
            value = str(value).replace("\n", "\n" + " " * 20)
        print(f"{name:<20}{'-' if value is None else value}")


# --- a system by its name, or as an expression ----------------------------------------------------


@contextlib.contextmanager
def _foreign_code() -> Iterator[None]:
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


def _system(text: str) -> tuple[Any, str]:
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
    except (KeyboardInterrupt, _Stopped):
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


# --- arguments ------------------------------------------------------------------------------------


def _count(text: str) -> int:
    """Read a whole number that may be written 1e7."""
    value = float(text)
    if value != int(value):
        raise ValueError
    return int(value)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


_count.__name__ = "whole number"  # what argparse calls it in its error


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ltisys",
        description="Linear, time-invariant systems for sound: exact, fast, in constant memory.",
        epilog="Exit codes: 0 done, 1 counterexample found, 2 usage, 65 bad data, 66 no input, "
        "73 cannot create, 74 input/output error, 128 + n stopped by signal n.",
    )
    parser.add_argument("--version", action="version", version=f"ltisys {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> _Parser:
        added: _Parser = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + "."
        )
        added.set_defaults(run=run)
        added.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )
        return added

    def mixing(added: _Parser, mix: float) -> None:
        added.add_argument("--mix", type=float, default=mix, help="0 dry ... 1 wet (%(default)s)")
        added.add_argument("--predelay-ms", type=float, default=0.0, help="delay of the wet sound")
        added.add_argument("--gain-db", type=float, default=0.0, help="gain of the result")
        added.add_argument("--no-tail", action="store_true", help="end where the input ends")
        added.add_argument("--resample", action="store_true", help="let the response be resampled")
        added.add_argument("--quiet", action="store_true", help="print nothing but errors")

    def as_json(added: _Parser) -> None:
        added.add_argument("--json", action="store_true", help="print JSON")

    for name, mix, text in (
        ("convolve", 1.0, "convolve a sound file with an impulse response"),
        ("reverb", 0.3, "put a room on a sound file: convolve with a mix of 0.3"),
    ):
        added = command(name, _convolve, text)
        added.add_argument("source", help="the dry sound")
        added.add_argument("ir", help="the response: 1 channel, as many as the sound, or 4")
        added.add_argument("-o", "--out", help="the output; its extension says the format")
        mixing(added, mix)
        added.add_argument("--normalize", choices=("peak", "rms"), help="-1 dBFS, or as the input")
        added.add_argument("--subtype", help="such as PCM_16, PCM_24, FLOAT (the input's)")
        added.add_argument("--in-place", action="store_true", help="write onto the input")
        added.add_argument("--overwrite", action="store_true", help="let the output exist")
        added.add_argument("--dry-run", action="store_true", help="say what would be done")
        as_json(added)

    added = command("stream", _stream, "convolve standard input into standard output, in blocks")
    added.add_argument("ir", help="the response: 1 channel, as many as the sound, or 4")
    added.add_argument("--fs", type=float, help="rate of raw samples in Hz (the response's)")
    added.add_argument("--channels", type=_count, help="channels of raw samples (2)")
    added.add_argument(
        "--format", choices=FORMATS, default="f32le", help="in and out alike (%(default)s)"
    )
    added.add_argument(
        "--block-size", type=_count, default=256, help="frames answered at once (%(default)s)"
    )
    mixing(added, 1.0)

    added = command("plan", _plan, "say how a convolution would be computed, and why")
    added.add_argument("--frames", type=_count, required=True, help="length of the signal")
    added.add_argument("--taps", type=_count, required=True, help="length of the response")
    added.add_argument("--channels", type=_count, default=1)
    added.add_argument("--dtype", default="float32")
    added.add_argument("--method", choices=METHODS, default="auto")
    added.add_argument("--block-size", type=_count)
    added.add_argument("--workers", type=_count)
    as_json(added)

    added = command("info", _info, "measure sound files: levels, direct sound, decay")
    added.add_argument("paths", nargs="+", metavar="FILE")
    as_json(added)

    added = command("check", _check, "look for inputs that show a system not to be LTI")
    added.add_argument(
        "system",
        metavar="SYSTEM",
        help="package.module:callable, or an expression in x such as 'clip(x, -1, 1)', with numpy "
        "in scope (after -- if it begins with a minus)",
    )
    added.add_argument("--fs", type=float, help="rate in Hz")
    added.add_argument("--inputs", type=_count, default=1, help="channels (%(default)s)")
    added.add_argument("--frames", type=_count, help="length of the longest inputs")
    added.add_argument("--trials", type=_count, default=100, help="for each property (%(default)s)")
    added.add_argument("--seed", type=_count, default=0, help="of the random inputs (%(default)s)")
    added.add_argument("--properties", type=_names, help="those demanded: linear,causal,...")
    added.add_argument("--tolerance-db", type=float, help="departures below it are rounding")
    added.add_argument("--html", metavar="FILE", help="write a page there, in place of an old one")
    added.add_argument("--quiet", action="store_true", help="print nothing but errors")
    as_json(added)

    added = command("demo", _demo, "put a hall on a spoken sentence")
    added.add_argument("-o", "--out", default="ltisys-demo.wav", help="the output (%(default)s)")

    added = command("doctor", _doctor, "show versions, the FFT in use, cores, formats, extras")
    as_json(added)
    return parser
