"""Pictures: what is drawn where, at the right places, with readable labels, and no side effects."""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from ltisys.check_plots import plot_report, report_svg
from ltisys.plotting import MOST_STEMS
from ltisys.properties import check
from ltisys.verdicts import CheckReport, Counterexample, Verdict

LEVELS = (-40.0, -20.0, 0.0, 20.0)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def specimen(**changes: Any) -> CheckReport:
    """A report made by hand: a clip at 0.9 that looks one frame ahead."""
    case = Counterexample(
        law="system(factor * a) should equal factor * system(a)",
        inputs=(np.array([0.6, 0.0]),),
        parameters={"factor": 2.0},
        got=np.array([0.9, 0.0]),
        want=np.array([1.2, 0.0]),
        departure_db=-12.04,
        reproduce="system(2.0 * np.array([0.6, 0.0])) - 2.0 * system(np.array([0.6, 0.0]))",
    )
    none = tuple((level, -math.inf) for level in LEVELS)
    loud = ((-40.0, -math.inf), (-20.0, -310.0), (0.0, -12.0), (20.0, -6.0))
    verdicts = [
        Verdict("homogeneous", False, -6.0, "departs by -6 dB", 40, "fails", case, loud),
        Verdict("time-invariant", True, -math.inf, "no counterexample", 40, "exact", None, none),
        Verdict("stable", None, detail="not judged: it is late"),
    ]
    fields: dict[str, Any] = {
        "name": "clip",
        "verdicts": {verdict.name: verdict for verdict in verdicts},
        "demanded": ("homogeneous", "time-invariant"),
        "impulse_response": np.array([0.25, 0.9, 0.25]),
        "latency": -1,
        "lookahead": 1,
        "memory": 1,
        "tolerance_db": -270.0,
        "notes": ("depends on level",),
        "trials": 40,
    }
    return CheckReport(**(fields | changes))


def changed(**changes: Any) -> CheckReport:
    """The specimen with another counterexample."""
    case = specimen()["homogeneous"].counterexample
    assert case is not None
    other = Counterexample(**(vars(case) | changes))
    verdict = Verdict("homogeneous", False, -6.0, counterexample=other)
    return specimen(verdicts={"homogeneous": verdict}, demanded=("homogeneous",))


def lines(ax: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The lines of a panel by their label."""
    return {str(line.get_label()): tuple(map(np.asarray, line.get_data())) for line in ax.lines}


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def rendered(report: CheckReport, panel: int) -> Any:
    """One panel, drawn to the last pixel; without the layout, which takes longest."""
    figure, axes = plt.subplots(1, 3, dpi=20)
    plot_report(report, ax=axes)
    for ax in axes:
        ax.set_visible(ax is axes[panel])
    figure.canvas.draw()
    return axes[panel]


# --- departure against level ----------------------------------------------------------------------


def test_departures_stand_at_their_levels_and_none_at_the_bottom() -> None:
    ax = plot_report(specimen())[0]
    drawn = lines(ax)
    assert set(drawn) == {"homogeneous", "time-invariant", "tolerance"}
    floor = ax.get_ylim()[0]
    np.testing.assert_array_equal(drawn["homogeneous"][0], LEVELS)
    np.testing.assert_array_equal(drawn["homogeneous"][1], [floor, -310.0, -12.0, -6.0])
    np.testing.assert_array_equal(drawn["time-invariant"][1], [floor] * 4)
    assert floor < -310.0
    ticks = dict(zip(ax.get_yticks(), [t.get_text() for t in ax.get_yticklabels()], strict=True))
    assert ticks[floor] == "none"
    assert ticks[-100.0] == "−100"
    np.testing.assert_array_equal(drawn["tolerance"][1], [-270.0] * 2)
    assert (
        next(line for line in ax.lines if line.get_label() == "tolerance").get_linestyle() == "--"
    )
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("level of the input in dBFS", "departure in dB")


def test_what_was_not_measured_is_not_drawn() -> None:
    curve = ((-20.0, -300.0), (0.0, math.nan), (20.0, -290.0), (40.0, math.inf))
    report = specimen(
        verdicts={"causal": Verdict("causal", True, curve=curve)},
        demanded=("causal",),
        tolerance_db=math.nan,
    )
    ax = plot_report(report)[0]
    drawn = lines(ax)
    assert set(drawn) == {"causal"}
    levels, departures = drawn["causal"]
    np.testing.assert_array_equal(levels, [-20.0, 20.0, 40.0])
    assert departures[2] == ax.get_yticks()[-1] > 0.0
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[-1] == "inf"
    assert "none" not in labels


# --- the counterexample ---------------------------------------------------------------------------


def test_the_two_sides_are_overlaid() -> None:
    ax = plot_report(specimen())[1]
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["got"], [[0, 1], [0.9, 0.0]])
    np.testing.assert_array_equal(drawn["want"], [[0, 1], [1.2, 0.0]])
    assert len(ax.collections) == 2  # the stems
    title = ax.get_title().replace("\n", " ")
    assert title == "not homogeneous system(factor * a) should equal factor * system(a)"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["want", "got"]
    assert all(tick == int(tick) for tick in ax.get_xticks())


def test_long_sides_are_lines() -> None:
    n = np.arange(MOST_STEMS + 1.0)
    ax = plot_report(changed(got=n, want=n[:-2]))[1]
    assert len(ax.collections) == 0
    assert lines(ax)["got"][1].size == n.size
    assert lines(ax)["want"][1].size == n.size - 2


def test_of_several_channels_the_worst_is_drawn() -> None:
    want = np.zeros((3, 4))
    got = want.copy()
    got[2, 1] = 1.0
    ax = plot_report(changed(got=got, want=want))[1]
    np.testing.assert_array_equal(lines(ax)["got"][1], got[2])
    assert ax.get_ylabel() == "answer of channel 2"


def test_of_a_complex_answer_the_worse_part_is_drawn() -> None:
    ax = plot_report(changed(got=np.array([1.0, 2.0]), want=np.array([1.0, 2.0 + 3.0j])))[1]
    np.testing.assert_array_equal(lines(ax)["want"][1], [0.0, 3.0])
    assert ax.get_ylabel() == "answer, imaginary part"


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (np.array([np.nan, np.inf]), np.array([1.0, -np.inf])),
        (np.zeros(0), np.zeros(0)),
        (np.zeros(0), np.ones(3)),
        (np.zeros(2), np.zeros(2)),
        (np.array(1.5), np.array(2.5)),
        (np.array([True]), np.array([7], np.int8)),
        (np.array([1e308, -1e308]), np.array([-1e308, 1e-308])),
        (np.zeros((2, 3)), np.zeros((1, 3))),
    ],
    ids=lambda side: str(side).replace("\n", ""),
)
def test_odd_sides_are_drawn_all_the_same(got: np.ndarray, want: np.ndarray) -> None:
    rendered(changed(got=got, want=want), 1)


def test_no_counterexample_is_said() -> None:
    report = specimen(demanded=("time-invariant",))
    ax = plot_report(report)[1]
    assert texts(ax) == ["no counterexample"]
    assert not ax.lines


def test_dollars_are_no_mathematics() -> None:
    ax = rendered(changed(law="system(x_1$) should equal $\\frac and ^ _"), 1)
    assert r"\$" in ax.get_title()


# --- the impulse response -------------------------------------------------------------------------


def test_the_response_begins_before_time_0_where_it_looks_ahead() -> None:
    ax = plot_report(specimen())[2]
    np.testing.assert_array_equal(lines(ax)["response"], [[-1, 0, 1], [0.25, 0.9, 0.25]])
    assert ax.get_xlabel() == "time in frames"
    assert ax.get_legend() is None
    assert any(set(np.asarray(line.get_xdata())) == {0} for line in ax.lines)  # marks time 0


def test_the_response_has_milliseconds_where_the_rate_is_known() -> None:
    ax = plot_report(specimen(fs=4000.0))[2]
    np.testing.assert_allclose(lines(ax)["response"][0], [-0.25, 0.0, 0.25], rtol=1e-15)
    assert ax.get_xlabel() == "time in ms"


def test_silence_at_the_end_of_a_response_is_left_out() -> None:
    h = np.zeros(10_000)
    h[:100] = 0.9 ** np.arange(100)
    ax = plot_report(specimen(impulse_response=h, lookahead=0))[2]
    assert not ax.collections, "stems would touch"
    time, values = lines(ax)["response"]
    assert time.size == values.size == 110
    np.testing.assert_array_equal(values, h[:110])


def test_a_matrix_of_responses_has_a_legend() -> None:
    h = np.arange(1, 13.0).reshape(2, 2, 3)
    ax = plot_report(specimen(impulse_response=h, inputs=2, outputs=2))[2]
    drawn = lines(ax)
    for label, row in {"0 to 0": h[0, 0], "1 to 0": h[0, 1], "0 to 1": h[1, 0]}.items():
        np.testing.assert_array_equal(drawn[label][1], row)
    assert ax.get_legend().get_title().get_text() == "input to output"
    assert len(ax.get_legend().get_texts()) == 4
    rows = plot_report(specimen(impulse_response=h[0], outputs=2))[2]
    assert set(lines(rows)) >= {"output 0", "output 1"}


def test_of_many_responses_the_loudest_are_drawn() -> None:
    h = np.ones((12, 5)) * np.arange(12)[:, None]
    ax = plot_report(specimen(impulse_response=h, outputs=12))[2]
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == [f"output {o}" for o in range(4, 12)]
    assert ax.get_legend().get_title().get_text() == "the loudest of 12"


def test_a_complex_response_is_two_lines() -> None:
    ax = plot_report(specimen(impulse_response=np.array([1.0 + 2.0j, 3.0j])))[2]
    np.testing.assert_array_equal(lines(ax)["response, real"][1], [1.0, 0.0])
    np.testing.assert_array_equal(lines(ax)["response, imaginary"][1], [2.0, 3.0])


@pytest.mark.parametrize(
    "h",
    [
        np.zeros(5),
        np.array([np.nan, 1.0]),
        np.array([np.inf]),
        np.ones((1, 1, 1)),
        np.array([1e-320, 1e308]),
    ],
    ids=str,
)
def test_odd_responses_are_drawn_all_the_same(h: np.ndarray) -> None:
    assert not texts(rendered(specimen(impulse_response=h, lookahead=None), 2))


# --- all of it ------------------------------------------------------------------------------------


def test_a_report_of_nothing_says_so_in_every_panel() -> None:
    report = CheckReport("nothing", {"linear": Verdict("linear", None)}, ("linear",))
    axes = plot_report(report)
    assert isinstance(axes, np.ndarray)
    assert axes.shape == (3,)
    assert [texts(ax) for ax in axes] == [
        ["no departure was measured"],
        ["no counterexample"],
        ["no impulse response was measured"],
    ]


def test_it_draws_where_it_is_told() -> None:
    _, grid = plt.subplots(3, 1)
    axes = plot_report(specimen(), ax=grid)
    assert list(axes) == list(grid)
    assert list(specimen().plot(ax=list(grid))) == list(grid)
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("ax", [3, [1, 2, 3], "abc", []])
def test_other_axes_are_refused(ax: Any) -> None:
    with pytest.raises(TypeError) as caught:
        plot_report(specimen(), ax=ax)
    assert str(caught.value) == f"ax={ax!r} must be a sequence of three Axes"
    _, two = plt.subplots(1, 2)
    with pytest.raises(TypeError, match=r"must be a sequence of three Axes$"):
        plot_report(specimen(), ax=two)
    _, one = plt.subplots()
    with pytest.raises(TypeError, match=r"must be a sequence of three Axes$"):
        plot_report(specimen(), ax=one)


def test_no_style_is_set_and_nothing_is_shown(svg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("it calls show"))
    before = dict(mpl.rcParams)
    plot_report(specimen())
    # the same bytes again: no address or time is in them
    assert report_svg(specimen()) == svg
    assert dict(mpl.rcParams) == before


def test_the_labels_do_not_overlap() -> None:
    figure = plot_report(specimen(fs=48000.0))[0].figure
    figure.canvas.draw()
    boxes = []
    for ax in figure.axes:
        legend = ax.get_legend()
        parts = [ax.title, ax.xaxis.label, ax.yaxis.label]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = axis.get_view_interval()
            parts += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
        boxes += [(p.get_text(), p.get_window_extent()) for p in parts]
        if legend is not None:
            boxes.append(("legend", legend.get_window_extent()))
    inside = figure.bbox
    for i, (name, box) in enumerate(boxes):
        assert inside.x0 <= box.x0, name
        assert box.x1 <= inside.x1, name
        assert not [other for other, place in boxes[i + 1 :] if box.overlaps(place)], name


def test_the_report_of_a_check_is_drawn() -> None:
    axes = check(lambda x: np.clip(x, -0.9, 0.9)[:, ::-1], trials=5, inputs=2).plot()
    assert lines(axes[0])
    assert {"got", "want"} <= set(lines(axes[1]))
    assert {"0 to 0", "1 to 0", "0 to 1", "1 to 1"} <= set(lines(axes[2]))


# --- as SVG ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def svg() -> str:
    return report_svg(specimen())


def test_the_svg_is_xml_of_its_own(svg: str) -> None:
    text = svg
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "<style" not in text  # it would rule the page around it
    assert "<metadata" not in text
    assert not plt.get_fignums()
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)) > 20
    assert len({name.partition("-")[0] for name in ids}) == 1
    used = re.findall(r'href="#([^"]*)"', text) + re.findall(r"url\(#([^)]*)\)", text)
    assert set(used) <= set(ids)
    assert not set(ids) & set(re.findall(r'\bid="([^"]*)"', report_svg(specimen(fs=8000.0))))


def test_the_svg_takes_the_ink_of_its_page(svg: str) -> None:
    assert "currentColor" in svg
    found = {colour.lower() for colour in re.findall(r"#[0-9a-fA-F]{6}\b", svg)}
    assert not found & {"#000000", "#ffffff", "#0a0b0c"}
