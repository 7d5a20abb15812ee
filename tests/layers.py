"""The architecture as data: which module may import which, and what is imported where"""

ENGINES = ("direct", "fft", "overlap_add", "overlap_save", "partitioned", "array_api")

LAYER_5 = "filters kernels probability analysis rooms measurement"

# Of what makes up a check, each module may import those before it.
CHECKING = (
    *("black_box", "excitation", "verdicts", "rounding", "laws", "trials", "steadiness", "traits"),
    *("growth", "variation", "diagnoses", "shrinking", "exhibits", "acquaintance"),
    *("examination", "properties"),
)

# The layers, bottom first. A module may import every module of the layers below its own, and of
# its own layer those that are listed behind its name. Modules yet to be written may be listed.
LAYERS: dict[str, dict[str, tuple[str, ...]]] = {
    "L0 ground": {"errors": (), "_types": ("errors",), "_checks": ("errors", "_types")},
    "L1 signal primitives": dict.fromkeys(
        ("spectra", "reach", "rates", "levels", "quantiser", "containers", "replacing"), ()
    )
    | {"signals": ("spectra",)},
    "L2 how": {
        **dict.fromkeys(("costs", "tape"), ()),
        "schedules": ("costs",),
        "planner": ("costs", "schedules"),
        "partitions": ("costs", "schedules", "planner", "tape"),
        "voices": ("partitions", "tape"),
        "watch": ("tape",),
        "engines.base": ("planner",),
        **{f"engines.{name}": ("planner", "engines.base") for name in ENGINES},
        "engines.partitioned": ("planner", "engines.base", "partitions", "voices"),
        "engines": ("planner", "engines.base", *(f"engines.{name}" for name in ENGINES)),
    },
    "L3 convolution": {
        "convolution": (),
        **dict.fromkeys(("responses", "blockwise", "prepared"), ("convolution",)),
        "streaming": ("prepared",),
    },
    "L4 systems": {"systems": (), "fir": ("systems",)},
    "L5 built on systems": dict.fromkeys(LAYER_5.split(), ())
    | {name: tuple(CHECKING[:at]) for at, name in enumerate(CHECKING)},
    "L6 the outside world": {"recording": ("audio",)}
    | dict.fromkeys(("audio", "plotting", "raw_samples", "reports", "testing", "wav_headers"), ()),
    "L7 jobs": dict.fromkeys(
        ["effects", "files", "pipes", "survey", "doctor", "corpus", "live"], ()
    ),
    "L8 the command line": {"cli": (), "__main__": ("cli",)},
}
HEIGHT = {module: height for height, layer in enumerate(LAYERS.values()) for module in layer}
TITLE = {module: title for title, layer in LAYERS.items() for module in layer}

# The few doors upward: a method that hands its work to a layer above, inside a function.
DOORS = {
    ("fir", "audio"): "FIR.from_file reads a sound file",
    ("verdicts", "plotting"): "CheckReport.plot draws itself",
}

# What is imported in its own module only, because it is slow to load, or optional, or a seam.
HOMES: dict[str, set[str]] = {
    "matplotlib": {"plotting"},
    "soundfile": {"audio"},
    **{key: {"engines.array_api"} for key in ("torch", "cupy", "jax")},
    "dask": {"corpus"},
    "tqdm": {"files", "cli", "corpus"},
    "sounddevice": {"live"},
    "scipy.fft": {"spectra"},
    "numpy.fft": {"spectra"},
    "scipy.signal": {"rates", *LAYERS["L4 systems"], *LAYER_5.split()},
}
INSIDE_FUNCTIONS_ONLY = {"scipy.signal"}
NOT_LOADED_BY_IMPORT = ("scipy.signal", "matplotlib", "soundfile", "tqdm", "torch", "dask")

MOST_LINES = 500
SAYS_NOTHING = {"utils", "core", "common", "helpers"}

TOP_LEVEL = {
    *("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile"),
    *("ltisys", "tests", "audio", "benchmarks", "docs", "notebooks", ".ci"),
    *(".gitignore", ".pre-commit-config.yaml"),
}
