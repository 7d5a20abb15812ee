"""The schedule of a plan as drawn: its bars are the plan's partitions and blocks."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import pytest
from pictures import named, readable, texts, ticks

import ltisys as lti
from ltisys.plan_plots import MOST_BLOCKS, STYLES, plot_plan


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def bars(ax: Any) -> dict[str, list[tuple[str, float, float]]]:
    """The bars of each row, by its name: what they are, from where to where."""
    names = [label.get_text() for label in ax.get_yticklabels()]
    kinds = {}
    for kind, handle in zip(named(ax), ax.get_legend().legend_handles, strict=True):
        kinds[tuple(handle.get_facecolor()), handle.get_hatch()] = kind
    found: dict[str, list[tuple[str, float, float]]] = {name: [] for name in names}
    for bar in ax.collections:
        x, y = bar.get_paths()[0].vertices.T
        kind = kinds[
            tuple(bar.get_facecolor()[0] if len(bar.get_facecolor()) else (0, 0, 0, 0)),
            bar.get_hatch(),
        ]
        found[names[round(float(y.min() + y.max()) / 2)]].append((kind, x.min(), x.max()))
    return found


def streamed(taps: int, block_size: int, **more: Any) -> lti.Plan:
    return lti.plan(frames=48_000, taps=taps, method="partitioned", block_size=block_size, **more)


@pytest.mark.parametrize("taps", [300, 5000, 96_000, 480_000])
@pytest.mark.parametrize("block_size", [64, 100, 256, 1024])
def test_a_stream_answers_every_tap_in_time(taps: int, block_size: int) -> None:
    plan = streamed(taps, block_size)
    ax = plot_plan(plan)
    rows = list(bars(ax).values())
    assert len(rows) == len(plan.partitions)
    covered = 0
    for (size, count), row in zip(plan.partitions, rows, strict=True):
        found = {kind: (start, stop) for kind, start, stop in row}
        start, stop = found["the answer sounds"]
        assert start == covered, "what sounds begins where the rows above end"
        if covered:
            assert found["input is collected"] == (0, size)
            assert found["its answer is computed"] == (size, covered)
            assert stop == covered + size * (count + 1)
        covered += size * count
    assert covered >= taps
    assert ax.get_xlabel() == "frames since the first one of the input"
    assert ax.get_title(loc="left").startswith(f"partitioned: blocks of {block_size:,} frames")


def test_the_rows_say_what_they_are() -> None:
    plan = streamed(96_000, 64)
    (block, count), (size, many) = plan.partitions[:2]
    names = list(bars(plot_plan(plan)))
    assert names[0] == f"{block * count:,} taps, one matrix"
    assert names[1] == f"{size:,} x {many:,}"
    assert list(bars(plot_plan(lti.FIR([1, 0, 0.5]).stream().plan))) == ["3 taps, as they are"]


def test_frames_are_linear_up_to_a_block_and_then_double() -> None:
    ax = plot_plan(streamed(96_000, 64))
    assert ax.get_xscale() == "symlog"
    shown = [0.0, 64.0] + [64.0 * 4**k for k in range(1, 6)]
    assert list(ticks(ax.xaxis)) == shown
    assert ticks(ax.xaxis)[4096.0] == "4,096"
    assert plot_plan(streamed(100, 256)).get_xscale() == "linear"


def test_overlap_save_reads_again_and_overlap_add_adds() -> None:
    for method, other in (
        ("overlap-save", "read again"),
        ("overlap-add", "added to the next block"),
    ):
        plan = lti.plan(frames=100_000, taps=501, method=method, block_size=3000)
        rows = bars(plot_plan(plan))
        assert len(rows) == MOST_BLOCKS
        assert list(rows)[-1].startswith(f"block {MOST_BLOCKS - 1} of ")
        for n, row in enumerate(rows.values()):
            found = {kind: (start, stop) for kind, start, stop in row}
            hop = plan.block_size
            assert found["new frames"] == (n * hop, (n + 1) * hop)
            if method == "overlap-add":
                assert found[other] == ((n + 1) * hop, (n + 1) * hop + 500)
            else:  # the first block has nothing before it: zeros
                assert found[other] == (n * hop - 500, n * hop)


def test_one_transform_and_sums_of_products() -> None:
    plan = lti.plan(frames=300, taps=96, method="fft")
    [row] = bars(plot_plan(plan)).values()
    found = {kind: (start, stop) for kind, start, stop in row}
    assert found["new frames"] == (0, 300)
    assert found["tail"] == (300, 395)
    assert found["zeros"] == (395, plan.nfft)
    [row] = bars(plot_plan(lti.plan(frames=300, taps=96, method="direct"))).values()
    assert row == [("new frames", 0, 395)]
    whole = plot_plan(lti.plan(frames=300_000, taps=96_000, method="partitioned"))
    assert len(bars(whole)) == 1


def test_recursion_has_no_schedule_and_says_so() -> None:
    plan = lti.IIR.from_ba([1], [1, -0.5]).stream().plan
    ax = plot_plan(plan)
    assert texts(ax) == [plan.why]
    assert not ax.collections


def test_responses_in_a_row_have_rows_each() -> None:
    both = streamed(300, 64), streamed(9000, 64)
    names = list(bars(plot_plan(replace(both[1], series=both))))
    own = [name for plan in both for name in bars(plot_plan(plan))]
    assert [name[3:] for name in names] == own
    assert [name[:3] for name in names] == ["1: "] * len(both[0].partitions) + ["2: "] * (
        len(own) - len(both[0].partitions)
    )


def test_it_draws_where_it_is_told() -> None:
    _, ax = plt.subplots()
    assert plot_plan(streamed(3000, 64), ax) is ax
    assert len(plt.get_fignums()) == 1
    with pytest.raises(TypeError, match=r"^ax=3 must be an Axes$"):
        plot_plan(streamed(3000, 64), 3)
    with pytest.raises(
        TypeError, match=r"^plan=3 must be a Plan; lti\.plan\(\) and stream\.plan are"
    ):
        plot_plan(3)  # type: ignore[arg-type]


def test_every_kind_of_bar_is_seen_on_both_pages() -> None:
    assert len(STYLES) == 8
    for style in STYLES.values():
        assert style["facecolor"] not in ("white", "black", "#ffffff", "#000000")


PICTURES = {
    "stream": lambda: plot_plan(streamed(96_000, 64)),
    "two rows": lambda: plot_plan(streamed(9000, 100)),
    "long": lambda: plot_plan(streamed(480_000, 1024, channels=2)),
    "short": lambda: plot_plan(lti.FIR([1, 0, 0.5]).stream().plan),
    "save": lambda: plot_plan(lti.plan(frames=2_880_000, taps=96_000)),
    "add": lambda: plot_plan(lti.plan(frames=28_800, taps=96, method="overlap-add")),
    "fft": lambda: plot_plan(lti.plan(frames=300, taps=96, method="fft")),
    "none": lambda: plot_plan(lti.IIR.from_ba([1], [1, -0.5]).stream().plan),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_it_can_be_read_in_light_and_dark(draw: Any) -> None:
    readable(draw)
