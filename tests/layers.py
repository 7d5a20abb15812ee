"""The architecture as data: which module may import which, and what is imported where"""

ENGINES = ("direct", "fft", "overlap_add", "overlap_save", "partitioned", "array_api")

LAYER_5 = "filters formulas phases prototypes equalisers banks weightings analysis gains masks"
LAYER_5 += " kernels probability rooms measurement"

PICTURES = ("check_plots", "response_plots", "system_plots", "plan_plots", "sound_plots")
PICTURES += ("flip_and_slide",)

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
    "L4 systems": {
        **dict.fromkeys(("polynomials", "state_space"), ()),
        "machines": ("state_space",),
        "tap_design": (),
        "sections": ("polynomials", "state_space"),
        "analogue": ("sections",),
        "systems": ("machines",),
        "fir": ("machines", "systems"),
        "elements": ("fir",),
        "iir": ("machines", "sections", "systems"),
        "compositions": ("fir", "machines", "systems"),
        "rational": ("compositions", "fir", "iir", "sections", "systems"),
        "loops": ("compositions", "elements", "iir", "machines", "rational", "systems"),
        "curves": ("compositions", "fir", "iir", "loops", "systems"),
        "roots": (
            "compositions",
            "curves",
            "elements",
            "fir",
            "iir",
            "loops",
            "polynomials",
            "rational",
            "sections",
            "systems",
        ),
        "algebra": ("compositions", "elements", "fir", "iir", "systems"),
    },
    "L5 built on systems": dict.fromkeys(LAYER_5.split(), ())
    | {"meters": ("weightings",)}
    | {name: tuple(CHECKING[:at]) for at, name in enumerate(CHECKING)},
    "L6 the outside world": {"recording": ("audio",)}
    | dict.fromkeys((*PICTURES, "cards"), ("plotting", "scales"))
    | dict.fromkeys(("audio", "plotting", "raw_samples", "reports", "scales"), ())
    | dict.fromkeys(("testing", "wav_headers"), ()),
    "L7 jobs": {
        **dict.fromkeys(["effects", "jobs", "pipes", "survey", "doctor", "corpus", "live"], ()),
        "files": ("jobs",),
        "filtering": ("files", "jobs"),
    },
    "L8 the command line": {
        **dict.fromkeys(("chains", "exits"), ()),
        "named": ("exits",),
        "commands": ("chains", "exits", "named"),
        "arguments": ("chains", "commands", "exits"),
        "cli": ("arguments", "exits"),
        "__main__": ("cli",),
    },
}
HEIGHT = {module: height for height, layer in enumerate(LAYERS.values()) for module in layer}
TITLE = {module: title for title, layer in LAYERS.items() for module in layer}

# The few doors upward: a method that hands its work to a layer above, inside a function.
DOORS = {
    ("fir", "audio"): "FIR.from_file reads a sound file",
    ("verdicts", "check_plots"): "CheckReport.plot draws itself",
    ("systems", "fir"): "a response, cut or convolved with, is a FIR",
    ("systems", "algebra"): ">>, + and * of any two systems",
    ("systems", "rational"): "to_dlti asks for polynomials",
    ("systems", "cards"): "a System shows itself in notebooks",
    ("levels", "meters"): "levels.loudness weighs with filters",
}

# What is imported in its own module only, because it is slow to load, or optional, or a seam.
HOMES: dict[str, set[str]] = {
    "matplotlib": {"plotting", "scales", *PICTURES},
    "soundfile": {"audio"},
    **{key: {"engines.array_api"} for key in ("torch", "cupy", "jax")},
    "dask": {"corpus"},
    "tqdm": {"jobs", "corpus"},
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
