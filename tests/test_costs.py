"""Tables of costs: the shipped one, one measured here, damaged ones, and what plans make of them"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ltisys as lti
from ltisys import costs

PARTS = ("forward", "inverse", "multiply")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where this user's table would be, in a folder of our own."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ltisys" / "costs.json"


def check_sane(table: costs.Costs) -> None:
    for part in PARTS:
        us = [table.of(part, 2**power) for power in range(25)]
        assert all(0 < v < 1e7 for v in us)
        assert us[24] > us[18] > us[8]  # larger sizes cost more, as far as can be measured
        between = table.of(part, 3 * 2**13)
        low, high = sorted((table.of(part, 2**14), table.of(part, 2**15)))
        assert low <= between <= high
        assert table.of(part, 2**30) == pytest.approx(2 * table.of(part, 2**29))
    for block in (1, 3, 64, 1024, 1 << 16):
        heads = [table.of_head(2.0**power, block) for power in range(30)]
        assert all(0 < v < math.inf for v in heads)
        assert heads[26] > heads[10]
    assert table.push > 0
    assert table.job > 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_shipped_table(dtype: str, cache: Path) -> None:
    table = costs.current(dtype)
    check_sane(table)
    assert table.source.startswith("shipped, measured on ")
    assert table.of("forward", 4096) > 1
    assert costs.current("float64").of("forward", 1 << 14) > costs.current().of("forward", 1 << 14)
    assert not cache.exists()


DAMAGED: dict[str, Any] = {
    "nothing": "",
    "half of one": costs.SHIPPED.read_text(encoding="utf-8")[:500],
    "no text": b"\xff\xfe\x00",
    "deep": "[" * 100_000,
    "a list": [],
    "a number": 1,
    "null": None,
    "empty": {},
}
WHOLE = json.loads(costs.SHIPPED.read_text(encoding="utf-8"))


def without(*path: str) -> Any:
    return changed(*path, value=None, drop=True)


def changed(*path: str, value: Any, drop: bool = False) -> Any:
    """Return the shipped table with one entry changed or left out."""
    table = json.loads(json.dumps(WHOLE))
    inner = table
    for key in path[:-1]:
        inner = inner[key]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return table


DAMAGED |= {
    "another format": changed("format", value=WHOLE["format"] + 1),
    "no precision": without("single"),
    "no part": without("single", "forward"),
    "no head": without("single", "head"),
    "no push": without("push"),
    "one entry": changed("single", "inverse", value={"4": 1.0}),
    "a word": changed("single", "multiply", "10", value="fast"),
    "a word for a size": changed("single", "multiply", "large", value=1.0),
    "negative": changed("single", "forward", "10", value=-1.0),
    "zero": changed("push", value=0),
    "not a number": changed("job", value=math.nan),
    "infinite": changed("single", "forward", "10", value=math.inf),
    "a null": changed("single", "forward", "10", value=None),
    "a list for a part": changed("single", "forward", value=[1.0, 2.0]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_table_counts_as_absent(name: str, cache: Path) -> None:
    damaged = DAMAGED[name]
    cache.parent.mkdir()
    if isinstance(damaged, bytes):
        cache.write_bytes(damaged)
    else:
        text = damaged if isinstance(damaged, str) else json.dumps(damaged)
        cache.write_text(text, encoding="utf-8")
    assert costs.current().source.startswith("shipped")
    y = lti.FIR(np.ones(300)).stream(block_size=64).push(np.ones(10))
    assert np.abs(y - np.arange(1, 11)).max() < 1e-4


def test_a_folder_in_its_place_counts_as_absent(cache: Path) -> None:
    cache.mkdir(parents=True)
    assert costs.current().source.startswith("shipped")


def test_calibrate_writes_a_table_that_plans_use(cache: Path) -> None:
    shipped = lti.plan(frames=1, taps=96_000, block_size=64, method="partitioned")
    assert shipped.table.startswith("shipped")
    assert lti.calibrate(seconds=0.2) == cache
    for dtype in ("float32", "float64"):
        table = costs.current(dtype)
        check_sane(table)
        assert table.source == f"measured here, {cache}"
    plan = lti.plan(frames=1, taps=96_000, block_size=64, method="partitioned")
    assert plan.table == f"measured here, {cache}"
    assert f"measured here, {cache}" in str(plan)
    h = np.random.default_rng(1).standard_normal(3000)
    stream = lti.FIR(h).stream(block_size=64, dtype="float64")
    assert stream.plan.table == f"measured here, {cache}"
    y = np.concatenate([stream.push(np.ones(1000)), stream.flush()])
    assert np.abs(y - np.convolve(np.ones(1000), h)).max() < 1e-9
    assert [path.name for path in cache.parent.iterdir()] == ["costs.json"]
    written = json.loads(cache.read_text(encoding="utf-8"))
    assert written["format"] == WHOLE["format"]
    assert f"numpy {np.__version__}" in written["machine"]
    for precision in ("single", "double"):
        assert set(written[precision]) == set(WHOLE[precision])
        for part in PARTS:
            assert set(written[precision][part]) == set(WHOLE[precision][part])


def test_calibrate_elsewhere_changes_no_plan(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And makes the folders it needs; a table that is there is replaced."""
    monkeypatch.setattr(costs, "measure", lambda _: WHOLE)
    path = tmp_path / "new" / "folder" / "table.json"
    for _ in range(2):
        assert lti.calibrate(path=str(path), seconds=0.01) == path
    assert json.loads(path.read_text(encoding="utf-8")) == WHOLE
    assert not cache.exists()
    assert costs.current().source.startswith("shipped")


def test_calibrate_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "measure", lambda _: WHOLE)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(lti.OutputError, match=r"^cannot create .*file"):
        lti.calibrate(path=tmp_path / "file" / "costs.json", seconds=0.01)
    with pytest.raises(lti.OutputError, match=r"^cannot create .*: it is a folder$"):
        lti.calibrate(path=tmp_path, seconds=0.01)
    assert (tmp_path / "file").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("platform", "variable", "end"),
    [
        ("win32", "LOCALAPPDATA", "ltisys"),
        ("linux", "XDG_CACHE_HOME", "ltisys"),
        ("darwin", "", "Library/Caches/ltisys"),
    ],
)
def test_each_platform_has_its_folder(
    platform: str, variable: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    by_default = {"win32": "AppData/Local/ltisys", "linux": ".cache/ltisys"}.get(platform, end)
    assert costs.cache_folder() == tmp_path / by_default
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "mine"))
        assert costs.cache_folder() == tmp_path / "mine" / end


def test_a_schedule_follows_the_costs(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where transforms are dear, the head is longer."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent / "nothing here"))
    usual = lti.plan(frames=1, taps=20_000, block_size=64, method="partitioned")
    dear = json.loads(json.dumps(WHOLE))
    for part in PARTS:
        dear["single"][part] = {k: 30 * v for k, v in dear["single"][part].items()}
    cache.parent.mkdir()
    cache.write_text(json.dumps(dear), encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent.parent))
    found = lti.plan(frames=1, taps=20_000, block_size=64, method="partitioned")
    assert found.table.startswith("measured here")
    assert found.partitions[0][1] > usual.partitions[0][1]
