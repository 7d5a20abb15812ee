"""the map: one line per module, and the public names, loaded lazily

A System says what happens to a signal, a Plan says how it will be computed. ``import ltisys as
lti`` gives every public name; each is loaded when it is first used.

::

    errors        the exception tree, drawn at the top
    spectra       the one FFT seam: real FFTs on the last axis, good sizes, dtype rules, workers
    reach         which outputs an input can reach: where silence stays exact and where a bad
                  sample spreads
    rates         changes of sample rate by a Kaiser-windowed sinc, pre-ringing kept
    levels        decibels, peaks, energy, loudness, where a tail sinks below a level
    signals       test signals: impulse, step, tones, noise, sweeps, maximum-length sequences
    quantiser     floats to sample codes: round half to even, dither on request, clipped frames
                  counted
    containers    sound formats: what each takes, and what the bytes of its files say
    replacing     an output file that is absent, the old one, or complete
    costs         what transforms and multiply-adds cost on this machine: a table shipped, or one
                  measured here
    schedules     partitions of a response for streaming without latency: the cheapest, by a
                  shortest path
    planner       problem -> Plan: cost model, choice, reasons; pure, prints itself, runs nothing
    tape          the last frames of an input and their spectra, kept for a convolution block by
                  block
    partitions    a response in partitions: their spectra, and their work cut into steps spread
                  over blocks
    voices        the answer of one response to an input on a tape, block by block, its work spread
                  ahead
    watch         silence and bad samples in the input of a stream, and the outputs that they reach
    engines       one file per algorithm, all obeying engines/base.py; they read a Plan, never
                  choose one
    convolution   convolve, correlate: validate, plan, run, trim
    responses     impulse responses as arrays of every shape: in series, in parallel, at a
                  frequency
    blockwise     a long input block by block: the same answer however it is read, in constant
                  memory
    prepared      a system made ready for a stream: its plan, its spectra, one response or several
                  in a row
    streaming     Stream: push, flush, reset, swap
    systems       what every system can do: answer a signal, answer it block by block, tell its
                  response
    fir           FIR: a finite impulse response as a system, in three shapes, and its algebra;
                  gain, delay
    black_box     any callable as a black box: its answers as arrays, what it does to its input,
                  what it costs
    excitation    inputs that find faults: kinds, levels and lengths, drawn by a seed
    verdicts      what a check found: verdicts, the smallest counterexamples, a report that prints
                  itself
    rounding      how far rounding alone can take two answers apart: the tolerance of every
                  comparison
    laws          the laws a system may keep: a case, the two sides that should be equal, a line of
                  code
    trials        the trials of a law: kinds, levels and lengths in turn, and what they came to
    steadiness    does it answer alike: whatever was asked before, and without touching its input
    traits        what answers to impulses and to changed frames tell: response, latency,
                  look-ahead, memory
    growth        does a bounded input stay bounded: the sum of the response, its growth, the worst
                  input
    variation     what varies with time: the period after which a system repeats, its rate, its
                  edges
    diagnoses     the name of a failure: affine, circular, reversed, by the whole input's level or
                  length
    shrinking     the smallest case that still breaks a law: fewest frames, fewest sounds, simplest
                  numbers
    exhibits      the case that a report shows: shrunk, as flat arrays, with its line of Python
    acquaintance  what is learnt of a system before any law is tried: lengths, cost, state,
                  rounding, response
    examination   one check of one system: the trials of every law, the worst departure, the
                  smallest failure
    properties    is it linear, time-invariant, causal, stable? a report with the smallest
                  counterexample
    audio         sound files, in blocks; the only (frames, channels) in the package; soundfile
                  only here
    recording     sound files written in blocks, whole or not at all
    raw_samples   samples as the bytes of raw PCM: codes of 16, 24 and 32 bits, floats
    wav_headers   WAV headers on pipes: read without seeking, written without a length
    plotting      every picture; matplotlib only here
    reports       self-contained HTML pages of responses, checks and measurements
    testing       assertions and parametrisations for pytest
    files         file in, file out, in constant memory
    pipes         raw PCM and WAV on pipes, block by block, in and out
    survey        what is in a sound file: levels, direct sound, decay
    doctor        what ltisys runs on: versions, the FFT in use, cores, formats, extras
    cli           parses, calls the public API, prints; no maths
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ltisys.audio import read
    from ltisys.convolution import convolve, correlate
    from ltisys.costs import calibrate
    from ltisys.errors import (
        AudioFileError,
        LtisysError,
        MismatchError,
        OutputError,
        StreamError,
    )
    from ltisys.files import FileReport, convolve_file
    from ltisys.fir import FIR, delay, gain
    from ltisys.planner import Plan, plan
    from ltisys.plotting import plot_report
    from ltisys.properties import assert_lti, check
    from ltisys.recording import WriteReport, write
    from ltisys.signals import impulse, mls, noise, step, sweep, tone
    from ltisys.streaming import Stream, stream_blocks
    from ltisys.systems import System
    from ltisys.verdicts import CheckReport, Counterexample, Verdict

_HOMES = {
    "AudioFileError": "errors",
    "CheckReport": "verdicts",
    "Counterexample": "verdicts",
    "FIR": "fir",
    "FileReport": "files",
    "LtisysError": "errors",
    "MismatchError": "errors",
    "OutputError": "errors",
    "Plan": "planner",
    "Stream": "streaming",
    "StreamError": "errors",
    "System": "systems",
    "Verdict": "verdicts",
    "WriteReport": "recording",
    "assert_lti": "properties",
    "calibrate": "costs",
    "check": "properties",
    "convolve": "convolution",
    "convolve_file": "files",
    "correlate": "convolution",
    "delay": "fir",
    "gain": "fir",
    "impulse": "signals",
    "mls": "signals",
    "noise": "signals",
    "plan": "planner",
    "plot_report": "plotting",
    "read": "audio",
    "step": "signals",
    "stream_blocks": "streaming",
    "sweep": "signals",
    "tone": "signals",
    "write": "recording",
}

__all__ = [
    "AudioFileError",
    "CheckReport",
    "Counterexample",
    "FIR",
    "FileReport",
    "LtisysError",
    "MismatchError",
    "OutputError",
    "Plan",
    "Stream",
    "StreamError",
    "System",
    "Verdict",
    "WriteReport",
    "assert_lti",
    "calibrate",
    "check",
    "convolve",
    "convolve_file",
    "correlate",
    "delay",
    "gain",
    "impulse",
    "mls",
    "noise",
    "plan",
    "plot_report",
    "read",
    "step",
    "stream_blocks",
    "sweep",
    "tone",
    "write",
]


def __getattr__(name: str) -> Any:
    """Load a public name, or a module of the package, when it is first asked for (PEP 562)."""
    if name in _HOMES:
        value = getattr(importlib.import_module(f"ltisys.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if not name.startswith("_"):
        try:
            return importlib.import_module(f"ltisys.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"ltisys.{name}":
                raise
    raise AttributeError(f"module 'ltisys' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
