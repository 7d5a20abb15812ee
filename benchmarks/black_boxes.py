"""What `lti.check` says of black boxes that others wrote, and whether that is what to expect.

Every system is checked with the default settings, as its users call it: pedalboard, audiomentations
and torch in single precision. A cell is empty if no counterexample was found; otherwise it is the
worst departure found, relative to the output; `?` if it could not be judged. Where memory is the
point of a system, as of any filter, the column `memoryless` says so and no one need mind.

Below each table stands, for each system, what was measured in frames (latency; how far it looks
ahead, `all` for the whole input; the period by whose multiples only it is time-invariant), the
arithmetic found in its answers, and the reason for its verdicts. The failures that the reason
foretells are written down in `benchmarks/black_boxes.py`; `differs` names what comes out otherwise.
They were written before the first check, and some of them corrected after it, where it had found
what was not known of a system.

Goal: every verdict as foretold.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal

import ltisys as lti
from benchmarks.signals import Array, decay
from benchmarks.table import Options, Report, progress
from ltisys.verdicts import CheckReport, Verdict

FS = 48_000
SHORT = {"homogeneous": "homog.", "time-invariant": "time-inv.", "deterministic": "determ."}

System = Callable[[Array], Array]

# What fails together: lti is False wherever linear or time-invariant is.
FILTER = "memoryless"
NONLINEAR = "additive homogeneous linear lti"
NOT_ADDITIVE = "additive linear lti"
NOT_HOMOGENEOUS = "homogeneous linear lti"
VARYING = "time-invariant lti"
RANDOM = "additive homogeneous linear time-invariant causal memoryless"


@dataclass(frozen=True)
class Box:
    """A system, the properties that it must be seen to lack, and why."""

    name: str
    system: System
    fails: str
    why: str
    unjudged: str = ""

    def foretold(self, name: str) -> bool | None:
        return None if name in self.unjudged.split() else name not in self.fails.split()


def measure(options: Options) -> Report:
    """Check every box of every library that is present."""
    report = Report(__doc__ or "")
    total = wrong = 0
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        for library, boxes in libraries(Path(folder), report):
            chosen = list(boxes)[:2] if options.quick else list(boxes)
            found = []
            for box in chosen:
                progress(f"{library}: {box.name}")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # pedalboard's and scipy's, of short inputs
                    found.append((box, lti.check(box.system, fs=FS)))
            total += len(found)
            wrong += sum(bool(differences(*pair)) for pair in found)
            _tables(report, library, found)
    report.notes.append(
        f"{total - wrong} of {total} systems got the verdicts foretold."
        if wrong
        else f"All {total} systems got the verdicts foretold."
    )
    return report


def libraries(folder: Path, report: Report) -> Iterator[tuple[str, list[Box]]]:
    """Yield each library that is present, with its boxes; name the rest in the report."""
    yield "scipy and numpy: filters", scipy_filters()
    yield "scipy and numpy: the rest", scipy_others()
    for name, boxes in {
        "pedalboard": pedalboard_boxes,
        "audiomentations": lambda: audiomentations_boxes(folder),
        "torch": torch_boxes,
    }.items():
        if importlib.util.find_spec(name):
            yield f"{name} {importlib.metadata.version(name)}", boxes()
        else:
            report.absent.append(f"{name} (`pip install {name}`)")


# --- the page ---------------------------------------------------------------------------------


def _tables(report: Report, library: str, found: list[tuple[Box, CheckReport]]) -> None:
    names = list(found[0][1])
    header = ("system", *(SHORT.get(name, name) for name in names))
    rows = [[box.name, *(_cell(checked[name]) for name in names)] for box, checked in found]
    report.add(library, header, rows)
    header = ("system", "latency", "ahead", "period", "precision", "as foretold", "why")
    rows = [
        [
            box.name,
            _frames(checked.latency),
            _frames(checked.lookahead, none="all"),
            _frames(checked.period),
            checked.precision,
            "differs: " + ", ".join(wrong) if (wrong := differences(box, checked)) else "yes",
            box.why,
        ]
        for box, checked in found
    ]
    report.add(f"{library}: why", header, rows)


def differences(box: Box, checked: CheckReport) -> list[str]:
    """Return the verdicts that are not those foretold, in words."""
    words = {True: "holds", False: "fails", None: "not judged"}
    return [
        f"{name} {words[verdict.holds]}"
        for name, verdict in checked.verdicts.items()
        if verdict.holds is not box.foretold(name)
    ]


def _cell(verdict: Verdict) -> str:
    if verdict.holds is None:
        return "?"
    if verdict.holds:
        return ""
    return f"{round(verdict.departure_db)} dB" if np.isfinite(verdict.departure_db) else "fails"


def _frames(value: int | None, none: str = "") -> str:
    return none if value is None else str(value)


# --- numpy and scipy --------------------------------------------------------------------------


def scipy_filters() -> list[Box]:
    signal, ndimage = scipy.signal, scipy.ndimage
    sos = signal.butter(4, 1000, fs=FS, output="sos")
    b, a = signal.butter(2, 1000, fs=FS)
    h = decay(1000, dtype="float64")
    ends = f"{FILTER} {VARYING} causal"
    return [
        Box("lfilter", lambda x: signal.lfilter(b, a, x), FILTER, "A recursive filter."),
        Box("sosfilt", lambda x: signal.sosfilt(sos, x), FILTER, "A recursive filter."),
        Box(
            "oaconvolve",
            lambda x: signal.oaconvolve(x, h),
            FILTER,
            "Convolution, by FFTs of blocks; the end of the answer is kept.",
        ),
        Box(
            "oaconvolve, mode same",
            lambda x: signal.oaconvolve(x, h[:101], mode="same"),
            f"{FILTER} causal",
            "The middle of the convolution: 50 frames of the answer come early.",
        ),
        Box("np.diff", np.diff, f"{FILTER} causal", "x[n + 1] - x[n]: one frame ahead."),
        Box(
            "np.cumsum",
            np.cumsum,
            f"{FILTER} stable",
            "An integrator: a step makes it grow for ever.",
        ),
        Box("np.gradient", np.gradient, ends, "Central differences, one-sided at both ends."),
        Box(
            "filtfilt",
            lambda x: signal.filtfilt(b, a, x),
            ends,
            "Forwards, then backwards; it extends the input by its mirror image at both ends.",
        ),
        Box("sosfiltfilt", lambda x: signal.sosfiltfilt(sos, x), ends, "The same in sections."),
        Box(
            "savgol_filter, interp",
            lambda x: signal.savgol_filter(x, 31, 3),
            ends,
            "A FIR filter, but polynomials of their own at both ends of the array.",
        ),
        Box(
            "savgol_filter, constant",
            lambda x: signal.savgol_filter(x, 31, 3, mode="constant"),
            f"{FILTER} causal",
            "A centred FIR filter with silence around the array: 15 frames ahead.",
        ),
        Box(
            "ndimage.uniform_filter1d",
            lambda x: ndimage.uniform_filter1d(x, 21),
            ends,
            "A centred mean; it mirrors the input at both ends, the default of ndimage.",
        ),
    ]


def scipy_others() -> list[Box]:
    signal, ndimage = scipy.signal, scipy.ndimage
    whole = f"{FILTER} {VARYING} causal"
    return [
        Box(
            "hilbert",
            signal.hilbert,
            whole,
            "The analytic signal by one FFT: circular, of a period as long as the array.",
        ),
        Box(
            "resample to twice",
            lambda x: signal.resample(x, 2 * x.size),
            whole,
            "Two frames for one, by one FFT: circular.",
        ),
        Box(
            "resample_poly to twice",
            lambda x: signal.resample_poly(x, 2, 1),
            whole,
            "Two frames for one: a delay by one frame comes out as a delay by two.",
        ),
        Box(
            "decimate by 4",
            lambda x: signal.decimate(x, 4, ftype="fir"),
            whole,
            "One frame for four: a delay by one frame cannot come out.",
        ),
        Box(
            "decimate by 4, back by zeros",
            lambda x: np.kron(signal.decimate(x, 4, ftype="fir"), [1.0, 0, 0, 0]),
            whole,
            "The same with the frames put back in their places: invariant to multiples of four.",
        ),
        Box(
            "detrend",
            signal.detrend,
            whole,
            "It subtracts the straight line through the whole array.",
        ),
        Box(
            "medfilt of 3",
            lambda x: signal.medfilt(x, 3),
            f"{FILTER} {NOT_ADDITIVE} causal",
            "Medians scale with their input but do not add; centred, one frame ahead.",
        ),
        Box(
            "order_filter, least of 5",
            lambda x: signal.order_filter(x, np.ones(5), 0),
            f"{FILTER} {NOT_ADDITIVE} causal",
            "The least of five frames, two of them ahead: scales, does not add.",
        ),
        Box(
            "ndimage.maximum_filter1d",
            lambda x: ndimage.maximum_filter1d(x, 5, mode="constant"),
            f"{FILTER} {NOT_ADDITIVE} causal",
            "The greatest of five frames: scales by positive factors, does not add.",
        ),
        Box(
            "wiener of 5",
            lambda x: signal.wiener(x, 5),
            f"{FILTER} {NOT_ADDITIVE} {VARYING} causal",
            "It weighs by the local variance and its mean over the whole array. To silence it "
            "answers NaN, 0 / 0, so that multiples by 0 leave homogeneity open.",
            "homogeneous",
        ),
        Box("np.sort", np.sort, f"{FILTER} {NOT_ADDITIVE} {VARYING} causal", "Order is not sound."),
        Box(
            "x[::-1]",
            lambda x: x[::-1],
            f"{FILTER} {VARYING} causal",
            "Time reversal: a delay comes out as an advance.",
        ),
    ]


# --- pedalboard -------------------------------------------------------------------------------


def pedalboard_boxes() -> list[Box]:
    import pedalboard as pb

    def box(plugin: pb.Plugin, fails: str, why: str) -> Box:
        def answer(x: Array) -> Array:
            return plugin(x.astype(np.float32), FS, reset=True)

        return Box(type(plugin).__name__, answer, fails, why)

    h = decay(1000)
    return [
        box(pb.Gain(-6), "", "One product a frame."),
        box(pb.Invert(), "", "A change of sign."),
        box(pb.LowpassFilter(1000), FILTER, "A recursive filter of first order."),
        box(pb.HighpassFilter(1000), FILTER, "A recursive filter of first order."),
        box(pb.PeakFilter(1000, 6, 2), FILTER, "A recursive filter of second order."),
        box(pb.Delay(0.01, 0.3, 0.5), FILTER, "Echoes 480 frames apart, beside the input."),
        box(pb.Convolution(h, 1.0, FS), FILTER, "Convolution by partitions."),
        box(
            pb.Reverb(),
            f"{FILTER} {NONLINEAR}",
            "Freeverb. Against denormals its loops add 0.1 and take it away again, which rounds "
            "them to steps of 2^-27 (7e-9): not linear below -100 dBFS or so, silent at -140.",
        ),
        box(
            pb.Chorus(),
            f"{FILTER} {VARYING}",
            "A delay that an oscillator moves, from the start of each call.",
        ),
        box(
            pb.Phaser(),
            f"{FILTER} {VARYING}",
            "All-passes that an oscillator moves, from the start of each call.",
        ),
        box(pb.LadderFilter(), f"{FILTER} {NONLINEAR}", "A ladder of filters with saturation."),
        box(pb.Distortion(), NONLINEAR, "tanh of the input, frame by frame."),
        box(pb.Clipping(-6), NONLINEAR, "Clips at -6 dBFS."),
        box(pb.Bitcrush(8), NONLINEAR, "Rounds to 8 bits, frame by frame."),
        box(
            pb.Compressor(-20, 4),
            f"{FILTER} {NONLINEAR}",
            "The gain follows the level, with attack and release.",
        ),
        box(pb.Limiter(), f"{FILTER} {NONLINEAR}", "The gain follows the level."),
        box(
            pb.NoiseGate(),
            f"{FILTER} {NONLINEAR}",
            "The gain follows the level: below -100 dBFS it falls.",
        ),
        box(
            pb.PitchShift(3),
            f"{FILTER} {NONLINEAR} {VARYING} causal",
            "A phase vocoder: it looks for peaks in spectra of blocks.",
        ),
        box(
            pb.Resample(8000),
            f"{FILTER} {VARYING} causal",
            "Down to 8 kHz and up again: one frame in six is kept.",
        ),
        box(
            pb.GSMFullRateCompressor(),
            f"{FILTER} {NONLINEAR} {VARYING} causal",
            "A speech codec at 8 kHz: blocks of 20 ms, quantised.",
        ),
        box(
            pb.MP3Compressor(),
            f"{FILTER} {NONLINEAR} {VARYING} causal",
            "A codec: blocks of 576 frames, quantised by a model of hearing.",
        ),
    ]


# --- audiomentations --------------------------------------------------------------------------


def audiomentations_boxes(folder: Path) -> list[Box]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports
        import audiomentations as am

    path = folder / "response.wav"
    lti.write(path, decay(1000)[None], FS)

    def box(transform: am.BaseWaveformTransform, fails: str, why: str, unjudged: str = "") -> Box:
        def answer(x: Array) -> Array:
            return transform(samples=x.astype(np.float32), sample_rate=FS)

        return Box(type(transform).__name__, answer, fails, why, unjudged)

    return [
        box(
            am.ApplyImpulseResponse(path, p=1.0, leave_length_unchanged=False),
            f"{FILTER} {NONLINEAR} {VARYING} causal",
            "Convolution, then a gain that brings the peak of the whole answer to 0.5.",
        ),
        box(am.PolarityInversion(p=1.0), "", "A change of sign."),
        box(
            am.LowPassFilter(1000, 1000, 12, 12, p=1.0),
            f"{FILTER} {VARYING}",
            "A recursive filter; it begins as if the first frame had lasted for ever.",
        ),
        box(
            am.Gain(-12, 12, p=1.0),
            "deterministic stateless lti",
            "A gain drawn at random, anew at every call.",
            RANDOM,
        ),
        box(
            am.Normalize(p=1.0),
            f"{FILTER} {NONLINEAR} {VARYING} causal",
            "The whole input by its own peak.",
        ),
        box(
            am.TanhDistortion(0.1, 0.1, p=1.0),
            f"{FILTER} {NONLINEAR} {VARYING} causal",
            "tanh, between gains that come from percentiles and energy of the whole input.",
        ),
    ]


# --- torch ------------------------------------------------------------------------------------


def torch_boxes() -> list[Box]:
    import torch

    class Recurrent(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = torch.nn.GRU(1, 1, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.gru(x.mT)[0].mT

    def answering(layer: torch.nn.Module) -> System:
        def answer(x: Array) -> Array:
            with torch.inference_mode():
                sound = torch.from_numpy(np.array(x, dtype=np.float32))
                return layer(sound[None, None])[0].numpy()

        return answer

    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        torch.manual_seed(0)
        torch.set_num_threads(1)  # small jobs: two threads take several times as long
        conv = torch.nn.Conv1d
        return [
            Box(
                "Conv1d",
                answering(conv(1, 1, 9, bias=False)),
                f"{FILTER} causal",
                "A correlation without padding: the answer begins with frames 0 to 8, so 8 ahead.",
            ),
            Box(
                "Conv1d, padding 8 in front",
                answering(
                    torch.nn.Sequential(
                        torch.nn.ConstantPad1d((8, 0), 0), conv(1, 1, 9, bias=False)
                    )
                ),
                FILTER,
                "The same, causal.",
            ),
            Box(
                "Conv1d, 4 outputs",
                answering(conv(1, 4, 9, padding=4, bias=False)),
                f"{FILTER} causal",
                "Four responses, centred.",
            ),
            Box(
                "Conv1d with bias",
                answering(conv(1, 1, 9, padding=4)),
                f"{FILTER} {NONLINEAR} causal",
                "Affine: its answer to silence is the bias.",
            ),
            Box(
                "Conv1d, stride 2",
                answering(conv(1, 1, 9, stride=2, bias=False)),
                f"{FILTER} {VARYING} causal",
                "One frame for two: a delay by one frame cannot come out.",
            ),
            Box(
                "Conv1d, stride 2, and ConvTranspose1d",
                answering(
                    torch.nn.Sequential(
                        conv(1, 1, 9, stride=2, padding=4, bias=False),
                        torch.nn.ConvTranspose1d(1, 1, 9, stride=2, padding=4, bias=False),
                    )
                ),
                f"{FILTER} {VARYING} causal",
                "Back at the old rate: invariant to multiples of two.",
            ),
            Box(
                "Conv1d and ReLU",
                answering(
                    torch.nn.Sequential(conv(1, 1, 9, padding=4, bias=False), torch.nn.ReLU())
                ),
                f"{FILTER} {NOT_ADDITIVE} causal",
                "Half a wave is cut off: scales by positive factors, does not add.",
            ),
            Box(
                "GRU",
                answering(Recurrent()),
                f"{FILTER} {NONLINEAR} {VARYING}",
                "Saturation in a loop; its biases move it from its first state, silence or not.",
            ),
        ]
