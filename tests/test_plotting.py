"""What every picture shares: colours for every eye, lines of few points, names, SVG for pages."""

import re
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

import ltisys as lti
from ltisys.plotting import (
    COLOURS,
    QUIET,
    drawable,
    end_of,
    extremes,
    named,
    octave_mean,
    rows_of,
    svg,
)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


# What those see who lack one kind of cone: G. Machado, M. Oliveira and L. Fernandes, "A
# Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, severity 1.0
SIGHTS = {
    "all cones": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def light(colour: str) -> np.ndarray:
    """Linear red, green and blue (IEC 61966-2-1)."""
    value = np.array(mpl.colors.to_rgb(colour))
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear light."""
    ratio = XYZ @ np.clip(rgb, 0, 1) / XYZ.sum(axis=1)
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_are_told_apart(sight: str) -> None:
    seen = [lab(np.asarray(SIGHTS[sight]) @ light(colour)) for colour in COLOURS]
    for i, one in enumerate(seen):
        for other in seen[:i]:
            assert np.linalg.norm(one - other) >= 19


@pytest.mark.parametrize("page", ["#ffffff", "#15181c"])
def test_colours_stand_out_on_light_and_dark_pages(page: str) -> None:
    paper = XYZ[1] @ light(page) + 0.05
    for colour in (*COLOURS, QUIET):
        ink = XYZ[1] @ light(colour) + 0.05
        assert max(ink / paper, paper / ink) >= 2.99, colour  # WCAG 2.1, 1.4.11


@pytest.mark.parametrize("frames", [1, 5, 3000, 3001, 100_000])
@pytest.mark.parametrize("log", [False, True])
def test_a_line_of_few_points_is_on_the_line(frames: int, log: bool) -> None:
    rng = np.random.default_rng(frames)
    x = np.cumsum(rng.uniform(0.5, 1.5, frames))
    y = rng.standard_normal(frames)
    px, py = extremes(x, y, log=log)
    assert px.size <= max(3002, 0)
    np.testing.assert_array_equal(py, y[np.searchsorted(x, px)])
    assert np.all(np.diff(px) > 0)
    assert (px[0], px[-1]) == (x[0], x[-1])
    assert (py.min(), py.max()) == (y.min(), y.max())
    # in each dot of a page, the same least and greatest
    place = np.log(x) if log else x
    dots = np.linspace(place[0], place[-1], 1501)[1:-1]
    if frames == 100_000:
        starts = np.unique(np.searchsorted(place, np.r_[place[0], dots]))
        low = np.minimum.reduceat(y, starts)
        for k in range(0, starts.size - 1, 97):
            inside = (px >= x[starts[k]]) & (px < x[starts[k + 1]])
            assert py[inside].min() == low[k]


def test_gaps_stay_gaps() -> None:
    y = np.sin(np.arange(50_000.0))
    y[20_000:30_000] = np.nan
    px, py = extremes(np.arange(50_000.0), y)
    inside = (px > 20_100) & (px < 29_900)
    assert inside.any()
    assert np.isnan(py[inside]).all()
    assert np.isfinite(py[~inside & ((px < 19_900) | (px > 30_100))]).all()


def test_the_mean_over_octaves_is_the_integral() -> None:
    freqs = np.linspace(10.0, 1000.0, 5000)
    np.testing.assert_allclose(octave_mean(freqs, np.full(5000, 3.0), 1 / 3), 3.0)
    at = np.array([100.0, 300.0])
    # of f**2 from a to b: (b**3 - a**3) / 3 / (b - a)
    a, b = at * 2**-0.5, at * 2**0.5
    wanted = (b**3 - a**3) / 3 / (b - a)
    np.testing.assert_allclose(octave_mean(freqs, freqs**2, 1.0, at), wanted, rtol=1e-5)


def test_rows_have_names() -> None:
    assert list(rows_of(np.zeros(3))) == [""]
    assert list(rows_of(np.zeros(3), "response")) == ["response"]
    assert list(rows_of(np.zeros((2, 3)), word="output")) == ["output 0", "output 1"]
    assert list(rows_of(np.zeros((1, 2, 3)))) == ["0 to 0", "1 to 0"]
    parts = rows_of(np.array([[1 + 2j]]))
    assert {name: part.tolist() for name, part in parts.items()} == {
        "channel 0, real": [1.0],
        "channel 0, imaginary": [2.0],
    }


def test_what_is_no_number_is_not_drawn() -> None:
    values = drawable(np.array([1.0, np.inf, -np.inf, np.nan, 2e300], np.longdouble))
    np.testing.assert_array_equal(values, [1.0, np.nan, np.nan, np.nan, 1e300])
    assert drawable(np.ones(2, np.float32)).dtype == np.float64
    assert end_of([np.array([1.0, 1e-3, 1e-7, 0.0])], -40.0) == 2
    assert end_of([np.zeros(9)]) == 2


def test_systems_are_what_they_are_called() -> None:
    one, two = lti.FIR([1.0], fs=8000), lti.FIR([2.0])
    assert [(n.label, n.system, n.fs) for n in named(one, None, None)] == [("", one, 8000.0)]
    both = named([one, two], None, None)
    assert [(n.label, n.fs) for n in both] == [("system 0", 8000.0), ("system 1", 8000.0)]
    assert [n.label for n in named({"a": one, 3: two}, None, None)] == ["a", "3"]
    [taps] = named([1.0, 0.5], "mean", 100)
    assert (taps.label, taps.fs, taps.system) == ("mean", 100.0, lti.FIR([1.0, 0.5]))
    [rows] = named([[1.0, 0.5], [0.5, 1.0]], None, None)
    assert rows.system.rows == (2,)
    assert [n.system for n in named((two, [1.0]), None, None)] == [two, lti.FIR([1.0])]


def test_two_pictures_fit_on_a_page() -> None:
    def draw(height: float) -> str:
        def one(figure: Any) -> None:
            figure.subplots().plot([0, height], "o-")

        return svg(one, (3, 2))

    first, second = draw(1.0), draw(2.0)
    assert first == draw(1.0)
    ids = [set(re.findall(r'\bid="([^"]*)"', text)) for text in (first, second)]
    assert not ids[0] & ids[1]
    assert not plt.get_fignums()
