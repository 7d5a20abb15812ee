"""What a user would write with other libraries, to put a response on a file.

``python -m benchmarks.file_chains scipy|pedalboard INPUT RESPONSE OUTPUT``
"""

from __future__ import annotations

import sys


def scipy(source: str, response: str, out: str) -> None:
    """Read everything, convolve with oaconvolve, write everything."""
    import soundfile
    from scipy.signal import oaconvolve

    x, fs = soundfile.read(source, dtype="float32", always_2d=True)
    h, _ = soundfile.read(response, dtype="float32", always_2d=True)
    soundfile.write(out, oaconvolve(x, h, axes=0), fs, subtype="PCM_16")


def pedalboard(source: str, response: str, out: str) -> None:
    """Read, convolve and write block by block."""
    from pedalboard import Convolution
    from pedalboard.io import AudioFile

    plugin = Convolution(response, 1.0)
    with AudioFile(source) as file, AudioFile(out, "w", file.samplerate, file.num_channels) as wet:
        while file.tell() < file.frames:
            wet.write(plugin(file.read(file.samplerate), file.samplerate, reset=False))


if __name__ == "__main__":
    {"scipy": scipy, "pedalboard": pedalboard}[sys.argv[1]](*sys.argv[2:])
