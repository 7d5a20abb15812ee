"""the parsers of the command line"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from ltisys import __version__, commands
from ltisys.chains import LINKS, read_link
from ltisys.exits import USAGE

__all__ = ["FORMATS", "METHODS", "parser"]

FORMATS = ("f32le", "f64le", "s16le", "s24le", "s32le", "wav")
METHODS = ("auto", "direct", "fft", "overlap-add", "overlap-save", "partitioned")

Run = Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


class _ChainAction(argparse.Action):
    """Append a filter to the chain: options of different names, in the order given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        name = str(option_string).removeprefix("--")
        try:
            link = read_link(name, values or "")
        except ValueError as error:
            raise argparse.ArgumentError(self, str(error)) from None
        namespace.chain = [*namespace.chain, link]


def _count(text: str) -> int:
    """Read a whole number that may be written 1e7."""
    value = float(text)
    if value != int(value):
        raise ValueError
    return int(value)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


_count.__name__ = "whole number"  # what argparse calls it in its error


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; what it parses has the command in `run`."""
    made = _Parser(
        prog="ltisys",
        description="Linear, time-invariant systems for sound: exact, fast, in constant memory.",
        epilog="Exit codes: 0 done, 1 counterexample found, 2 usage, 65 bad data, 66 no input, "
        "73 cannot create, 74 input/output error, 128 + n stopped by signal n.",
    )
    made.add_argument("--version", action="version", version=f"ltisys {__version__}")
    made.add_argument("--debug", action="store_true", help="show the traceback of an error")
    group = made.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for add in (
        _add_convolve,
        _add_filter,
        _add_stream,
        _add_plan,
        _add_info,
        _add_check,
        _add_rest,
    ):
        add(group)
    return made


def _command(group: Any, name: str, run: Run, text: str) -> _Parser:
    added: _Parser = group.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    added.set_defaults(run=run)
    added.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    return added


def _mixing(added: _Parser, mix: float) -> None:
    added.add_argument("--mix", type=float, default=mix, help="0 dry ... 1 wet (%(default)s)")
    added.add_argument("--predelay-ms", type=float, default=0.0, help="delay of the wet sound")
    added.add_argument("--gain-db", type=float, default=0.0, help="gain of the result")
    added.add_argument("--no-tail", action="store_true", help="end where the input ends")
    added.add_argument("--resample", action="store_true", help="let the response be resampled")


def _writing(added: _Parser) -> None:
    added.add_argument("-o", "--out", help="the output; its extension says the format")
    added.add_argument(
        "--normalize",
        metavar="LEVEL",
        help="peak (-1 dBFS), rms (as the input), lufs (-23), or to a level of yours: lufs:-16",
    )
    added.add_argument("--subtype", help="such as PCM_16, PCM_24, FLOAT (the input's)")
    added.add_argument("--in-place", action="store_true", help="write onto the input")
    added.add_argument("--overwrite", action="store_true", help="let the output exist")
    added.add_argument("--dry-run", action="store_true", help="say what would be done")
    _quiet(added)
    _as_json(added)


def _quiet(added: _Parser) -> None:
    added.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _as_json(added: _Parser) -> None:
    added.add_argument("--json", action="store_true", help="print JSON")


# --- the commands ---------------------------------------------------------------------------------


def _add_convolve(group: Any) -> None:
    for name, mix, text in (
        ("convolve", 1.0, "convolve a sound file with an impulse response"),
        ("reverb", 0.3, "put a room on a sound file: convolve with a mix of 0.3"),
    ):
        added = _command(group, name, commands.convolve, text)
        added.add_argument("source", help="the dry sound")
        added.add_argument("ir", help="the response: 1 channel, as many as the sound, or 4")
        _mixing(added, mix)
        _writing(added)


def _add_filter(group: Any) -> None:
    text = "filter a sound file by a chain of filters, in the order given"
    added = _command(group, "filter", commands.filter, text)
    added.add_argument("source", help="the sound")
    chain = added.add_argument_group("the chain", "Frequencies in Hz; an option may come again.")
    for name, (form, does) in LINKS.items():
        more: dict[str, Any] = {"metavar": form} if form else {"nargs": 0}
        chain.add_argument(
            f"--{name}", action=_ChainAction, dest="chain", default=[], help=does, **more
        )
    added.add_argument(
        "--order",
        type=_count,
        default=2,
        help="of low-pass to band-stop, Butterworth (%(default)s)",
    )
    added.add_argument(
        "--linear-phase",
        action="store_true",
        help="the same magnitudes without their phase, by one symmetric response",
    )
    added.add_argument(
        "--attenuation-db",
        type=float,
        default=80,
        metavar="DB",
        help="how far the errors of --linear-phase stay below its loudest frequency (%(default)s)",
    )
    added.add_argument("--tail", action="store_true", help="let it sound on after the input ends")
    added.add_argument("--plot", metavar="FILE", help="draw the response there: .png .svg .pdf")
    _writing(added)


def _add_stream(group: Any) -> None:
    text = "convolve standard input into standard output, in blocks"
    added = _command(group, "stream", commands.stream, text)
    added.add_argument("ir", help="the response: 1 channel, as many as the sound, or 4")
    added.add_argument("--fs", type=float, help="rate of raw samples in Hz (the response's)")
    added.add_argument("--channels", type=_count, help="channels of raw samples (2)")
    added.add_argument(
        "--format", choices=FORMATS, default="f32le", help="in and out alike (%(default)s)"
    )
    added.add_argument(
        "--block-size", type=_count, default=256, help="frames answered at once (%(default)s)"
    )
    _mixing(added, 1.0)
    _quiet(added)


def _add_plan(group: Any) -> None:
    text = "say how a convolution would be computed, and why"
    added = _command(group, "plan", commands.plan, text)
    added.add_argument("--frames", type=_count, required=True, help="length of the signal")
    added.add_argument("--taps", type=_count, required=True, help="length of the response")
    added.add_argument("--channels", type=_count, default=1)
    added.add_argument("--dtype", default="float32")
    added.add_argument("--method", choices=METHODS, default="auto")
    added.add_argument("--block-size", type=_count)
    added.add_argument("--workers", type=_count)
    _as_json(added)


def _add_info(group: Any) -> None:
    text = "measure sound files: levels, direct sound, decay"
    added = _command(group, "info", commands.info, text)
    added.add_argument("paths", nargs="+", metavar="FILE")
    added.add_argument("--loudness", action="store_true", help="measure it too, in LUFS")
    added.add_argument(
        "--plot",
        metavar="PICTURE",
        help="draw the decay of a response, else the waveform, there: .png .svg .pdf",
    )
    added.add_argument("--draw", choices=("waveform", "decay", "spectrogram"), help="this instead")
    _as_json(added)


def _add_check(group: Any) -> None:
    text = "look for inputs that show a system not to be LTI"
    added = _command(group, "check", commands.check, text)
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
    _quiet(added)
    _as_json(added)


def _add_rest(group: Any) -> None:
    added = _command(group, "demo", commands.demo, "put a hall on a spoken sentence")
    added.add_argument("-o", "--out", default="ltisys-demo.wav", help="the output (%(default)s)")
    text = "show versions, the FFT in use, cores, formats, extras"
    _as_json(_command(group, "doctor", commands.doctor, text))
