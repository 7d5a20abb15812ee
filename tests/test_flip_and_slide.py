"""The flip-and-slide picture: what is drawn adds up to the convolution, still and moving."""

import base64
import re
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from pictures import lines, named, readable, ticks

import ltisys as lti
from ltisys.flip_and_slide import MOST_STEPS, animate_convolution, plot_convolution
from ltisys.plotting import MOST_STEMS

ROW, ADVICE = "must be real, of shape (frames,)", "draw one row, or part, at a time"
X, H = np.array([1.0, 2.0, 0.0, -1.0, 1.5]), np.array([1.0, 0.5, 0.25])


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


KERNEL = "h[n \u2212 k]"


@pytest.mark.parametrize("at", range(X.size + H.size - 1))
def test_the_products_add_up_to_the_output(at: int) -> None:
    both, products, output = plot_convolution(X, H, at=at)
    y = np.convolve(X, H)
    np.testing.assert_array_equal(lines(both)["x[k]"], [np.arange(X.size), X])
    time, kernel = lines(both)[KERNEL]
    np.testing.assert_array_equal(time, at - np.arange(H.size)[::-1])
    np.testing.assert_array_equal(kernel, H[::-1])
    time, values = lines(products)["_products"]
    wanted = {k: X[k] * H[at - k] for k in range(X.size) if 0 <= at - k < H.size}
    assert dict(zip(time.tolist(), values.tolist(), strict=True)) == wanted
    assert abs(values.sum() - y[at]) < 1e-12
    assert products.get_title(loc="right") == f"sum: y[{at}] = {y[at]:.3g}".replace("-", "\u2212")
    assert both.get_title(loc="right") == f"n = {at}"
    np.testing.assert_allclose(lines(output)["_to come"][1], y)  # to come
    np.testing.assert_allclose(lines(output)["_output"][1], y[: at + 1])  # so far
    np.testing.assert_allclose(lines(output)["_now"], [[at], [y[at]]])


def test_stems_stand_under_their_dots() -> None:
    both, products, _ = plot_convolution(X, H, at=3)
    segments = [stems.get_segments() for stems in both.collections]
    assert sorted(map(len, segments)) == [H.size, X.size]
    for (x0, y0), (x1, y1) in products.collections[0].get_segments():
        assert x0 == x1
        assert y0 == 0
        assert y1 == X[int(x1)] * H[3 - int(x1)]
    assert all(tick == int(tick) for tick in ticks(both.xaxis))


def test_the_middle_is_shown_unless_told() -> None:
    assert plot_convolution(X, H)[0].get_title(loc="right") == "n = 3"
    assert plot_convolution([1.0], [1.0])[0].get_title(loc="right") == "n = 0"


def test_the_picture_holds_every_position() -> None:
    spans = []
    for at in (0, 3, 6):
        axes = plot_convolution(X, H, at=at)
        spans.append([(ax.get_xlim(), ax.get_ylim()) for ax in axes])
        low, high = axes[0].get_xlim()
        assert low < -(H.size - 1)
        assert high > X.size + H.size - 2
        assert axes[1].get_ylim()[1] > (X[:, None] * H).max()
        assert axes[1].get_ylim()[0] < (X[:, None] * H).min()
    assert spans[0] == spans[1] == spans[2]


def test_long_signals_are_lines_with_areas() -> None:
    x, h = lti.noise(400), np.ones(50) / 50
    both, products, output = plot_convolution(x, h, at=300)
    assert not any(hasattr(part, "get_segments") for part in both.collections)
    np.testing.assert_array_equal(lines(both)["x[k]"][1], x)
    time, values = lines(products)["_products"]
    np.testing.assert_array_equal(time, np.arange(251, 301))
    [area] = products.collections
    # the area between the products and 0, by the shoelace formula, is their sum but for the ends
    px, py = area.get_paths()[0].vertices.T
    closed = 0.5 * abs(np.dot(px, np.roll(py, 1)) - np.dot(py, np.roll(px, 1)))
    wanted = abs(values.sum() - (values[0] + values[-1]) / 2)
    assert abs(closed - wanted) < 1e-9
    np.testing.assert_allclose(lines(output)["_output"][1], np.convolve(x, h)[:301])
    assert plot_convolution(np.ones(MOST_STEMS), [1.0])[0].collections


@pytest.mark.parametrize(
    ("h", "label"),
    [
        ([1.0, 0.5], ""),
        ([0.1, 0.1], " \u00d7 10"),
        ([0.04], " \u00d7 20"),
        ([50.0], " \u00d7 0.02"),
    ],
)
def test_a_small_kernel_is_drawn_larger_and_says_so(h: list[float], label: str) -> None:
    both, products, _ = plot_convolution([1.0, 1.0, 1.0], h, at=1)
    assert named(both) == ["x[k]", f"h[n \u2212 k]{label}"]
    factor = float(label[3:] or 1)
    np.testing.assert_allclose(lines(both)[KERNEL + label][1], np.array(h)[::-1] * factor)
    assert abs(lines(products)["_products"][1].sum() - np.convolve([1.0, 1.0, 1.0], h)[1]) < 1e-12


def test_systems_are_kernels() -> None:
    leak = lti.IIR.from_ba([0.1], [1, -0.9], fs=8000)
    axes = plot_convolution(np.ones(300), leak)
    assert axes[2].get_xlabel() == "time in ms"
    time, kernel = lines(axes[0])[KERNEL + " \u00d7 10"]
    # cut where it stays 100 dB below its peak, and a tenth later
    assert np.log(1e-5) / np.log(0.9) < time.size < 1.2 * np.log(1e-5) / np.log(0.9)
    np.testing.assert_allclose(kernel[::-1] / kernel[-1], 0.9 ** np.arange(time.size), rtol=1e-9)
    np.testing.assert_allclose(np.diff(time), 1 / 8)
    assert plot_convolution(np.ones(300), [1.0])[2].get_xlabel() == "frame"
    with pytest.raises(lti.MismatchError, match="fs differs: argument 44100 Hz, system 8000 Hz"):
        plot_convolution(np.ones(3), leak, fs=44_100)
    with pytest.raises(ValueError, match=r"^h must die away, but it is not stable"):
        plot_convolution(np.ones(3), lti.IIR.from_ba([1], [1, -2]))


def test_one_axes_takes_input_and_kernel() -> None:
    _, ax = plt.subplots()
    assert plot_convolution(X, H, ax, at=2) is ax
    np.testing.assert_array_equal(lines(ax)[KERNEL][0], [0, 1, 2])
    assert ax.get_xlabel() == "frame"
    _, grid = plt.subplots(3, 1)
    assert list(plot_convolution(X, H, grid)) == list(grid)
    assert len(plt.get_fignums()) == 2
    for wrong in (3, plt.subplots(2)[1]):
        with pytest.raises(TypeError, match=r"must be a sequence of one or three Axes$"):
            plot_convolution(X, H, wrong)


@pytest.mark.parametrize(
    ("x", "h", "options", "sentence"),
    [
        ([], [1.0], {}, "x is empty: x.shape=(0,); give at least one frame"),
        ([1.0], [], {}, "h is empty: h.shape=(0,); give at least one frame"),
        ([1.0], [1j], {}, f"h {ROW}; got complex, h.shape=(1,); {ADVICE}"),
        ([[1.0]], [1.0], {}, f"x {ROW}; got real, x.shape=(1, 1); {ADVICE}"),
        (X, H, {"at": 7}, "at=7 must be an integer < frames + taps - 1; got frames=5, taps=3"),
        (X, H, {"at": -1}, "at=-1 must be an integer >= 0"),
        (X, H, {"fs": 0}, "fs=0 must be a finite number > 0 in Hz"),
    ],
)
def test_what_cannot_be_drawn_is_refused(x: Any, h: Any, options: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        plot_convolution(x, h, **options)


def test_nan_is_refused() -> None:
    with pytest.raises(lti.MismatchError, match=r"^x holds 1 samples that are NaN"):
        plot_convolution([1.0, np.nan], [1.0])


def test_nothing_is_changed_or_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("it calls show"))
    x, h = X.copy(), H.copy()
    plot_convolution(x, h)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(h, H)
    plot_convolution([0.0, 0.0], [0.0])[0].figure.canvas.draw()
    plot_convolution([1, 2, 3], [1, 1])[0].figure.canvas.draw()


# --- in motion ------------------------------------------------------------------------------------


def test_the_animation_shows_every_frame_of_stems() -> None:
    moving = animate_convolution(X, H)
    assert not plt.get_fignums(), "pyplot would show it a second time"
    page = moving._repr_html_()
    assert page.count("data:image/png;base64,") == X.size + H.size - 1
    assert len(page) < 1_000_000
    y = np.convolve(X, H)
    for n in (0, 3, 6):
        moving._func(n)
        _, products, output = moving.figure.axes
        assert abs(lines(products)["_products"][1].sum() - y[n]) < 1e-12
        np.testing.assert_allclose(lines(output)["_output"][1], y[: n + 1])


def test_the_animation_of_long_signals_is_light() -> None:
    moving = animate_convolution(lti.noise(2000), np.ones(200) / 200)
    page = moving.to_jshtml()
    assert page.count("data:image/png;base64,") == MOST_STEPS
    assert len(page) < 2_000_000


def test_its_pictures_are_those_of_the_still_one() -> None:
    page = animate_convolution(X, H).to_jshtml()
    found = re.findall(r'base64,([^"]+)"', page)
    sizes = set()
    for text in found:
        data = base64.b64decode(text.replace("\\\n", ""))
        assert data[:4] == b"\x89PNG"
        sizes.add(data[16:24])
    assert len(sizes) == 1, "all of one size, or the picture would jump"
    assert len(set(found)) == len(found)


PICTURES = {
    "stems": lambda: plot_convolution(X, H),
    "lines": lambda: plot_convolution(lti.noise(500), np.ones(60) / 60, fs=1000),
    "one": lambda: plot_convolution(X, H, plt.subplots(figsize=(5, 3), layout="constrained")[1]),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_it_can_be_read_in_light_and_dark(draw: Any) -> None:
    readable(draw)


def test_legends_name_both_signals() -> None:
    both, products, output = plot_convolution(X, H)
    assert named(both) == ["x[k]", "h[n \u2212 k]"]
    assert set(lines(both)) >= {"x[k]", "h[n \u2212 k]"}
    assert [ax.get_ylabel() for ax in (both, products, output)] == [
        "input, kernel",
        "products",
        "output",
    ]
