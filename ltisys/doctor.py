"""what ltisys runs on: versions, the FFT in use, cores, formats, extras"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from typing import Any

from ltisys import __version__, spectra
from ltisys.audio import LIBSNDFILE
from ltisys.containers import EXTENSIONS

__all__ = ["installation"]

EXTRAS = {
    "pedalboard": "bench",
    "mkl_fft": "mkl",
    "hypothesis": "test",
    "pytest": "test",
    "nbclient": "notebook",
}


def installation() -> dict[str, Any]:
    """Say what ltisys runs on: versions, the FFT in use, cores, file formats, extras."""
    packages = ("numpy", "scipy", "soundfile", "matplotlib", "tqdm")
    return {
        "ltisys": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": spectra.cores(),
        "fft": spectra.active_backend(),
        "libsndfile": LIBSNDFILE,
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "formats": list(EXTENSIONS),
        "extras": {
            name: importlib.metadata.version(name) if importlib.util.find_spec(name) else None
            for name in EXTRAS
        },
    }
