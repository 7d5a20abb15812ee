"""the map: one line per module, and the public names, loaded lazily

A System says what happens to a signal, a Plan says how it will be computed. ``import ltisys as
lti`` gives every public name; each is loaded when it is first used.

::

    errors         the exception tree, drawn at the top
    spectra        the one FFT seam: real FFTs on the last axis, good sizes, dtype rules, workers
    reach          which outputs an input can reach: where silence stays exact and where a bad
                   sample spreads
    rates          changes of sample rate by a Kaiser-windowed sinc, pre-ringing kept
    levels         decibels, peaks, energy, loudness, where a tail sinks below a level
    signals        test signals: impulse, step, tones, noise, sweeps, maximum-length sequences
    quantiser      floats to sample codes: round half to even, dither on request, clipped frames
                   counted
    containers     sound formats: what each takes, and what the bytes of its files say
    replacing      an output file that is absent, the old one, or complete
    costs          what transforms and multiply-adds cost on this machine: a table shipped, or one
                   measured here
    schedules      partitions of a response for streaming without latency: the cheapest, by a
                   shortest path
    planner        problem -> Plan: cost model, choice, reasons; pure, prints itself, runs nothing
    tape           the last frames of an input and their spectra, kept for a convolution block by
                   block
    partitions     a response in partitions: their spectra, and their work cut into steps spread
                   over blocks
    voices         the answer of one response to an input on a tape, block by block, its work
                   spread ahead
    watch          silence and bad samples in the input of a stream, and the outputs that they
                   reach
    engines        one file per algorithm, all obeying engines/base.py; they read a Plan, never
                   choose one
    convolution    convolve, correlate: validate, plan, run, trim
    responses      impulse responses as arrays of every shape: in series, in parallel, at a
                   frequency
    blockwise      a long input block by block: the same answer however it is read, in constant
                   memory
    prepared       a system made ready for a stream: its plan, and its spectra or its state
    streaming      Stream: push, flush, reset, swap
    state_space    second-order sections over long blocks: the state from piece to piece, all else
                   by matrices
    machines       states of systems in a stream: rows in, as many frames out, block after block
    polynomials    polynomials taken at their word: exact values, and the roots of the very
                   coefficients
    sections       second-order sections as arrays: from polynomials or roots, their response,
                   where it sinks
    analogue       analogue prototypes as digital sections: designed, scaled, measured before they
                   are shipped
    tap_design     taps that fit a mask of bands: Kaiser's window, equiripple, minimum phase, all
                   measured
    systems        what every system can do: answer a signal, answer it block by block, tell its
                   response
    fir            FIR: a finite impulse response as a system, in three shapes, and its algebra
    elements       the smallest systems: gain, and delay by whole frames and by parts of one
    iir            IIR: a recursive system as second-order sections, its state, its poles
    compositions   systems one behind the other and side by side, where no single one is as exact
    rational       systems as ratios of polynomials, where these are short: for loops, poles and
                   scipy
    loops          feedback: echoes, combs, reverberators, block-wise inside the delay of their
                   loop
    algebra        what >>, + and * make of any two systems: one where that is as exact, else a
                   composition
    curves         a response over frequency as a curve: its slope without differences, its phase,
                   its extrema
    roots          poles and zeros of any system, how many zeros lie outside the circle, what phase
                   that makes
    filters        FIR filters by frequency: low, high, band-pass and band-stop, linear or minimum
                   phase
    formulas       FIR filters by formula: averages, Gaussian, differentiator, Hilbert, matched
                   filter
    phases         the magnitudes of a system without its phase: a symmetric FIR, late by half its
                   length
    prototypes     recursive filters from analogue prototypes: Butterworth, Chebyshev, elliptic,
                   Bessel
    equalisers     equaliser sections after Bristow-Johnson's cookbook: bells, shelves, notch,
                   all-pass; DC blocker
    banks          filters that belong together: Linkwitz-Riley crossover, fractions of octaves
                   with their class
    weightings     frequency weightings: A and C after IEC 61672-1, K after ITU-R BS.1770
    meters         loudness in LUFS: momentary, short-term and integrated, block by block in
                   constant memory
    analysis       what a system does to frequencies and time: delays, phase, band edges, poles and
                   zeros, steps
    gains          how loud a system can get: for noise, for tones, for the worst input; and how
                   long it is
    masks          does a shipped system keep inside a mask: measured through its own blocks, with
                   margins
    black_box      any callable as a black box: its answers as arrays, what it does to its input,
                   what it costs
    excitation     inputs that find faults: kinds, levels and lengths, drawn by a seed
    verdicts       what a check found: verdicts, the smallest counterexamples, a report that prints
                   itself
    rounding       how far rounding alone can take two answers apart: the tolerance of every
                   comparison
    laws           the laws a system may keep: a case, the two sides that should be equal, a line
                   of code
    trials         the trials of a law: kinds, levels and lengths in turn, and what they came to
    steadiness     does it answer alike: whatever was asked before, and without touching its input
    traits         what answers to impulses and to changed frames tell: response, latency,
                   look-ahead, memory
    growth         does a bounded input stay bounded: the sum of the response, its growth, the
                   worst input
    variation      what varies with time: the period after which a system repeats, its rate, its
                   edges
    diagnoses      the name of a failure: affine, circular, reversed, by the whole input's level or
                   length
    shrinking      the smallest case that still breaks a law: fewest frames, fewest sounds,
                   simplest numbers
    exhibits       the case that a report shows: shrunk, as flat arrays, with its line of Python
    acquaintance   what is learnt of a system before any law is tried: lengths, cost, state,
                   rounding, response
    examination    one check of one system: the trials of every law, the worst departure, the
                   smallest failure
    properties     is it linear, time-invariant, causal, stable? a report with the smallest
                   counterexample
    audio          sound files, in blocks; the only (frames, channels) in the package; soundfile
                   only here
    recording      sound files written in blocks, whole or not at all
    raw_samples    samples as the bytes of raw PCM: codes of 16, 24 and 32 bits, floats
    wav_headers    WAV headers on pipes: read without seeking, written without a length
    plotting       what every picture shares: where to draw, sizes, colours, lines of few points,
                   SVG
    scales         axes in Hz, dB and seconds: readable ticks, limits that show what matters
    check_plots    pictures of what a check found: departures, a counterexample, the response
    response_plots pictures of frequency responses: magnitude, phase, group delay, of one system or
                   several
    system_plots   pictures of systems in time and in the plane: impulse and step response, poles
                   and zeros
    plan_plots     a picture of a plan: its blocks or partitions, and what is computed when
    sound_plots    pictures of sound: waveform, decay, spectrogram
    flip_and_slide the flip-and-slide picture of convolution, still or moving
    cards          a system as a small table, a picture of its response and a player, for notebooks
    reports        self-contained HTML pages of responses, checks and measurements
    testing        assertions and parametrisations for pytest
    jobs           one sound file into another: read, compute, measure, write, report, in constant
                   memory
    files          a sound file convolved with a response into another, in constant memory
    filtering      a sound file filtered by any system into another, block by block, in constant
                   memory
    pipes          raw PCM and WAV on pipes, block by block, in and out
    survey         what is in a sound file: levels, direct sound, decay
    doctor         what ltisys runs on: versions, the FFT in use, cores, formats, extras
    exits          how a command ends: exit codes, signals, errors as one line
    named          a system by its name, or as an expression in x
    chains         the chain of `ltisys filter`: each option a filter, in the order given
    commands       what each command does: calls the public API, prints
    arguments      the parsers of the command line
    cli            the command line from its arguments to an exit code
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ltisys.analysis import (
        band_edges,
        group_delay,
        phase_delay,
        phase_type,
        poles,
        step_response,
        unwrapped_phase,
        zeros,
    )
    from ltisys.audio import read
    from ltisys.banks import crossover, octave_bank
    from ltisys.check_plots import plot_report
    from ltisys.convolution import convolve, correlate
    from ltisys.costs import calibrate
    from ltisys.elements import delay, gain
    from ltisys.equalisers import allpass, dc_blocker, high_shelf, low_shelf, notch, peaking
    from ltisys.errors import AudioFileError, LtisysError, MismatchError, OutputError, StreamError
    from ltisys.files import convolve_file
    from ltisys.filtering import filter_file
    from ltisys.filters import bandpass, bandstop, highpass, lowpass
    from ltisys.fir import FIR
    from ltisys.flip_and_slide import animate_convolution, plot_convolution
    from ltisys.formulas import differentiator, gaussian, hilbert, matched_filter, moving_average
    from ltisys.gains import minimal_length, noise_gain, peak_gain, worst_case_gain
    from ltisys.iir import IIR
    from ltisys.jobs import FileReport
    from ltisys.loops import feedback
    from ltisys.masks import ResponseReport, verify_response
    from ltisys.meters import LoudnessMeter, loudness
    from ltisys.phases import linear_phase
    from ltisys.plan_plots import plot_plan
    from ltisys.planner import Plan, plan
    from ltisys.properties import assert_lti, check
    from ltisys.prototypes import bessel, butterworth, chebyshev, elliptic
    from ltisys.recording import WriteReport, write
    from ltisys.response_plots import plot_response
    from ltisys.signals import impulse, mls, noise, step, sweep, tone
    from ltisys.sound_plots import plot_decay, plot_spectrogram, plot_waveform
    from ltisys.streaming import Stream, stream_blocks
    from ltisys.system_plots import plot_impulse_response, plot_poles_zeros, plot_step_response
    from ltisys.systems import System
    from ltisys.verdicts import CheckReport, Counterexample, Verdict
    from ltisys.weightings import a_weighting, c_weighting, k_weighting

_HOMES = {
    "AudioFileError": "errors",
    "CheckReport": "verdicts",
    "Counterexample": "verdicts",
    "FIR": "fir",
    "FileReport": "jobs",
    "IIR": "iir",
    "LoudnessMeter": "meters",
    "LtisysError": "errors",
    "MismatchError": "errors",
    "OutputError": "errors",
    "Plan": "planner",
    "ResponseReport": "masks",
    "Stream": "streaming",
    "StreamError": "errors",
    "System": "systems",
    "Verdict": "verdicts",
    "WriteReport": "recording",
    "a_weighting": "weightings",
    "allpass": "equalisers",
    "animate_convolution": "flip_and_slide",
    "assert_lti": "properties",
    "band_edges": "analysis",
    "bandpass": "filters",
    "bandstop": "filters",
    "bessel": "prototypes",
    "butterworth": "prototypes",
    "c_weighting": "weightings",
    "calibrate": "costs",
    "chebyshev": "prototypes",
    "check": "properties",
    "convolve": "convolution",
    "convolve_file": "files",
    "correlate": "convolution",
    "crossover": "banks",
    "dc_blocker": "equalisers",
    "delay": "elements",
    "differentiator": "formulas",
    "elliptic": "prototypes",
    "feedback": "loops",
    "filter_file": "filtering",
    "gain": "elements",
    "gaussian": "formulas",
    "group_delay": "analysis",
    "high_shelf": "equalisers",
    "highpass": "filters",
    "hilbert": "formulas",
    "impulse": "signals",
    "k_weighting": "weightings",
    "linear_phase": "phases",
    "loudness": "meters",
    "low_shelf": "equalisers",
    "lowpass": "filters",
    "matched_filter": "formulas",
    "minimal_length": "gains",
    "mls": "signals",
    "moving_average": "formulas",
    "noise": "signals",
    "noise_gain": "gains",
    "notch": "equalisers",
    "octave_bank": "banks",
    "peak_gain": "gains",
    "peaking": "equalisers",
    "phase_delay": "analysis",
    "phase_type": "analysis",
    "plan": "planner",
    "plot_convolution": "flip_and_slide",
    "plot_decay": "sound_plots",
    "plot_impulse_response": "system_plots",
    "plot_plan": "plan_plots",
    "plot_poles_zeros": "system_plots",
    "plot_report": "check_plots",
    "plot_response": "response_plots",
    "plot_spectrogram": "sound_plots",
    "plot_step_response": "system_plots",
    "plot_waveform": "sound_plots",
    "poles": "analysis",
    "read": "audio",
    "step": "signals",
    "step_response": "analysis",
    "stream_blocks": "streaming",
    "sweep": "signals",
    "tone": "signals",
    "unwrapped_phase": "analysis",
    "verify_response": "masks",
    "worst_case_gain": "gains",
    "write": "recording",
    "zeros": "analysis",
}

__all__ = [
    "AudioFileError",
    "CheckReport",
    "Counterexample",
    "FIR",
    "FileReport",
    "IIR",
    "LoudnessMeter",
    "LtisysError",
    "MismatchError",
    "OutputError",
    "Plan",
    "ResponseReport",
    "Stream",
    "StreamError",
    "System",
    "Verdict",
    "WriteReport",
    "a_weighting",
    "allpass",
    "animate_convolution",
    "assert_lti",
    "band_edges",
    "bandpass",
    "bandstop",
    "bessel",
    "butterworth",
    "c_weighting",
    "calibrate",
    "chebyshev",
    "check",
    "convolve",
    "convolve_file",
    "correlate",
    "crossover",
    "dc_blocker",
    "delay",
    "differentiator",
    "elliptic",
    "feedback",
    "filter_file",
    "gain",
    "gaussian",
    "group_delay",
    "high_shelf",
    "highpass",
    "hilbert",
    "impulse",
    "k_weighting",
    "linear_phase",
    "loudness",
    "low_shelf",
    "lowpass",
    "matched_filter",
    "minimal_length",
    "mls",
    "moving_average",
    "noise",
    "noise_gain",
    "notch",
    "octave_bank",
    "peak_gain",
    "peaking",
    "phase_delay",
    "phase_type",
    "plan",
    "plot_convolution",
    "plot_decay",
    "plot_impulse_response",
    "plot_plan",
    "plot_poles_zeros",
    "plot_report",
    "plot_response",
    "plot_spectrogram",
    "plot_step_response",
    "plot_waveform",
    "poles",
    "read",
    "step",
    "step_response",
    "stream_blocks",
    "sweep",
    "tone",
    "unwrapped_phase",
    "verify_response",
    "worst_case_gain",
    "write",
    "zeros",
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
