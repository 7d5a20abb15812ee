"""what ltisys runs on: versions, the FFT in use, cores, formats, extras"""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from ltisys import __version__, spectra
from ltisys.containers import EXTENSIONS

__all__ = ["installation"]

EXTRAS = ("pedalboard", "mkl_fft", "hypothesis", "pytest", "nbclient")


def installation() -> dict[str, Any]:
    """Say what ltisys runs on: versions, the FFT in use, cores, file formats, extras."""
    packages = ("numpy", "scipy", "soundfile", "matplotlib", "tqdm")
    return {
        "ltisys": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": spectra.cores(),
        "fft": spectra.active_backend(),
        "libsndfile": _libsndfile(),
        "packages": {name: _version(name) for name in packages},
        "formats": list(EXTENSIONS),
        "extras": {name: _version(name) for name in EXTRAS},
    }


def _version(package: str) -> str | None:
    """Return the version of an installed package, None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _libsndfile() -> str:
    """Return the version of libsndfile, or why it cannot be loaded: a doctor must not fall ill."""
    try:
        from ltisys.audio import LIBSNDFILE
    except OSError as error:
        return f"cannot be loaded: {error}"
    return LIBSNDFILE
