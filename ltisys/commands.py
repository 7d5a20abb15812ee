"""what each command does: calls the public API, prints"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from ltisys.exits import BAD_DATA, COUNTEREXAMPLE, tell

if TYPE_CHECKING:
    from ltisys.jobs import Job
    from ltisys.replacing import Replacement
    from ltisys.survey import Survey

__all__ = ["check", "convolve", "demo", "doctor", "filter", "info", "plan", "stream"]

PICTURES = (".png", ".svg", ".pdf")


def convolve(arguments: argparse.Namespace) -> int:
    """Convolve a file with a response."""
    from ltisys.files import FileJob

    return _done(
        arguments,
        FileJob(
            arguments.source,
            arguments.ir,
            _output(arguments),
            mix=arguments.mix,
            predelay_s=arguments.predelay_ms / 1e3,
            gain_db=arguments.gain_db,
            normalize=arguments.normalize,
            tail=not arguments.no_tail,
            subtype=arguments.subtype,
            resample=arguments.resample,
            overwrite=arguments.overwrite,
            in_place=arguments.in_place,
        ),
    )


def filter(arguments: argparse.Namespace) -> int:
    """Filter a file by a chain of filters."""
    from ltisys import chains
    from ltisys.audio import describe
    from ltisys.filtering import filter_job

    out = _output(arguments)
    picture = _picture(arguments, arguments.source, out)
    system = chains.chained(
        arguments.chain,
        fs=describe(arguments.source).fs,
        order=arguments.order,
        straight=arguments.linear_phase,
        attenuation_db=arguments.attenuation_db,
    )
    job = filter_job(
        arguments.source,
        system,
        out,
        gain_db=chains.gain_db(arguments.chain),
        normalize=arguments.normalize,
        tail=arguments.tail,
        subtype=arguments.subtype,
        overwrite=arguments.overwrite,
        in_place=arguments.in_place,
    )
    if picture is None or arguments.dry_run:
        return _done(arguments, job)
    from ltisys.response_plots import plot_response

    drawn = _drawn(picture, plot_response(job.gain * system))
    code = _done(arguments, job)
    _replace(picture, drawn)
    return code


def _output(arguments: argparse.Namespace) -> str:
    """Return the path to write to."""
    if arguments.in_place and arguments.out is not None:
        raise ValueError("--in-place writes onto the input; it takes no -o")
    if not arguments.in_place and arguments.out is None:
        raise ValueError("say where the output goes: -o wet.wav, or --in-place")
    return str(arguments.source if arguments.in_place else arguments.out)


def _done(arguments: argparse.Namespace, job: Job) -> int:
    """Run a job, or only say what it would do, and report it."""
    if arguments.dry_run:
        _print(arguments, job.describe())
        return 0
    report = job.run(progress=not arguments.quiet)
    if arguments.json:
        _print(arguments, report.to_dict())
    elif not arguments.quiet:
        print(report)
    if report.clipped and not arguments.quiet:
        tell(
            f"{report.clipped:,} frames clipped at a peak of {report.peak_db:+.1f} dBFS; "
            f"lower --gain-db, or --normalize peak"
        )
    return 0


def stream(arguments: argparse.Namespace) -> int:
    """Convolve standard input into standard output."""
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
        tell(str(report))
    for sentence in report.lost:
        tell(sentence)
    return BAD_DATA if report.lost else 0


def plan(arguments: argparse.Namespace) -> int:
    """Say how a convolution would be computed."""
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


def info(arguments: argparse.Namespace) -> int:
    """Measure files."""
    from ltisys.survey import survey_file

    if arguments.plot is not None and len(arguments.paths) > 1:
        raise ValueError(f"--plot draws one file; got {len(arguments.paths)}")
    picture = _picture(arguments, *arguments.paths)
    surveys = [survey_file(path, loudness=arguments.loudness) for path in arguments.paths]
    if picture is not None:
        _replace(picture, _drawn(picture, _sketched(surveys[0], arguments.draw)))
    if arguments.json:
        found = [survey.to_dict() for survey in surveys]
        _print(arguments, found[0] if len(found) == 1 else found)
    else:
        print("\n\n".join(map(str, surveys)))
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Look for inputs that show a system not to be LTI."""
    from dataclasses import replace

    from ltisys.named import foreign_code, named_system
    from ltisys.properties import check
    from ltisys.replacing import Replacement
    from ltisys.reports import check_page

    file = None if arguments.html is None else Replacement(arguments.html, overwrite=True)
    options = ("fs", "inputs", "frames", "trials", "seed", "properties", "tolerance_db")
    with foreign_code():
        system, setup = named_system(arguments.system)
        report = check(system, **{name: getattr(arguments, name) for name in options})
    report = replace(report, name=" ".join(arguments.system.split()))
    if file is not None:
        _replace(file, check_page(report, setup=setup).encode())
    if arguments.json:
        _print(arguments, report.to_dict())
    elif not arguments.quiet:
        print(report)
        if report.failures:
            print("\nto reproduce:", *setup.splitlines(), sep="\n    ")
    if report:
        return 0
    return COUNTEREXAMPLE if report.failures else BAD_DATA


def demo(arguments: argparse.Namespace) -> int:
    """Put a hall on a spoken sentence."""
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


def doctor(arguments: argparse.Namespace) -> int:
    """Show what ltisys runs on."""
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
        import json

        print(json.dumps(values, indent=2, ensure_ascii=False))
        return
    for name, value in values.items():
        if name == "plan":
            value = str(value).replace("\n", "\n" + " " * 20)
        print(f"{name:<20}{'-' if value is None else value}")


# --- pages and pictures ---------------------------------------------------------------------------


def _replace(file: Replacement, content: bytes) -> None:
    """Put a page or a picture in place of what was there."""
    file.begin()
    try:
        with open(file.file.fileno(), "wb", closefd=False) as out:
            out.write(content)
        file.commit()
    finally:
        file.discard()


def _picture(arguments: argparse.Namespace, *sounds: str) -> Replacement | None:
    """Return the file that --plot asks for, none of the sounds, before any work is done."""
    from ltisys.replacing import Replacement

    if arguments.plot is None:
        return None
    if not arguments.plot.lower().endswith(PICTURES):
        raise ValueError(f"--plot {arguments.plot} must end in {', '.join(PICTURES)}")
    return Replacement(arguments.plot, overwrite=True, sources=sounds)


def _drawn(picture: Replacement, axes: Any) -> bytes:
    """Return the figure of some Axes as the bytes of a file."""
    import io

    ax = getattr(axes, "flat", [axes])[0]
    out = io.BytesIO()
    ax.figure.savefig(out, format=picture.path.rpartition(".")[2].lower(), dpi=150)
    return out.getvalue()


def _sketched(survey: Survey, kind: str | None) -> Any:
    """Return the Axes of a sound: unless told, the decay of a response, else the waveform."""
    from ltisys import sound_plots
    from ltisys.survey import LONGEST_RESPONSE_S, sketch_file

    if kind in ("decay", "spectrogram") and survey.length_s > LONGEST_RESPONSE_S:
        raise ValueError(
            f"--draw {kind} takes {LONGEST_RESPONSE_S:g} s of sound at most; got "
            f"{survey.length_s:.0f} s; --draw waveform takes any"
        )
    if kind is None:
        kind = "waveform" if survey.decay_time_s is None else "decay"
    x, fs = sketch_file(survey.path)
    draw: dict[str, Any] = {
        "waveform": sound_plots.plot_waveform,
        "decay": sound_plots.plot_decay,
        "spectrogram": sound_plots.plot_spectrogram,
    }
    return draw[kind](x, fs=fs)
