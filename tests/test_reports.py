"""Pages of reports: all of it there, nothing fetched, everything escaped."""

import math
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from test_check_plots import specimen

import ltisys
from ltisys.properties import check
from ltisys.reports import check_page
from ltisys.verdicts import CheckReport, Counterexample, Verdict

EVIL = """<script>alert("1")</script> & 'x' \x00\x1b\x85 \ud800 \u2028 ]]> --> é"""
VOID = {"meta", "br", "link", "img", "input", "hr"}


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing is what takes the time."""
    monkeypatch.setattr(CheckReport, "to_svg", lambda _: "<svg ></svg>")


class Page(HTMLParser):
    """A page read back: its tags in their order, its text, and whether all is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def within(self, tag: str) -> list[str]:
        return [text for place, text in self.texts if place == tag and text]


@pytest.fixture(scope="module")
def page() -> str:
    return check_page(specimen())


def words(report: CheckReport, **options: Any) -> str:
    return " ".join(text for _, text in Page(check_page(report, **options)).texts)


@pytest.mark.usefixtures("no_pictures")
def test_everything_is_on_the_page() -> None:
    report = specimen(fs=48000.0, seed=7)
    said = words(report, setup="system = make()")
    case = report["homogeneous"].counterexample
    assert case is not None
    for text in (
        *("clip", "homogeneous", "FAILS", "departs by -6 dB", "time-invariant", "holds"),
        *("stable", "not judged: it is late", "Depends on level"),
        *(text for fact in report.facts().items() for text in fact),
        *(case.law[1:], case.reproduce, "[0.6, 0]", "factor", "[0.9, 0]", "[1.2, 0]", "-12 dB"),
        *("system = make()", "homogeneous, time-invariant", "48000 Hz", "40", "7"),
        f"ltisys {ltisys.__version__}",
    ):
        assert text in said, text


@pytest.mark.usefixtures("no_pictures")
def test_the_headline_says_what_was_found() -> None:
    page = Page(check_page(specimen()))
    assert page.within("title") == [specimen().headline()]
    assert page.within("h1") == ["clip"]
    said = page.within("p") + page.within("b")
    assert any(text.startswith("Counterexamples found: not homogeneous") for text in said)
    honest = specimen(demanded=("time-invariant",))
    assert "No counterexample to time-invariant" in words(honest)
    assert "Counterexamples" not in Page(check_page(honest)).within("h2")
    late = specimen(demanded=("stable",))
    assert "No counterexample, but stable could not be judged" in words(late)


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    ("demanded", "mood"), [("homogeneous", "bad"), ("stable", "open"), ("time-invariant", "good")]
)
def test_the_headline_has_the_colour_of_what_was_found(demanded: str, mood: str) -> None:
    page = Page(check_page(specimen(demanded=(demanded,))))
    assert next(attributes for tag, attributes in page.tags if tag == "p") == {"class": mood}


def test_nothing_is_fetched_and_nothing_runs(page: str) -> None:
    read = Page(page)
    tags = {tag for tag, _ in read.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "image", "base"}
    assert {"svg", "table", "style"} <= tags
    for tag, attributes in read.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), tag
            if name.endswith(("href", "src")):
                assert value is not None
                assert value.startswith("#"), (tag, value)
    assert "@import" not in page
    assert set(page.split("url(")[1:]) == {
        part for part in page.split("url(")[1:] if part.startswith("#")
    }
    assert "prefers-color-scheme: dark" in page
    assert page.startswith("<!doctype html>\n<html lang=")


def test_ids_are_unique(page: str) -> None:
    ids = [attributes["id"] for _, attributes in Page(page).tags
           if "id" in attributes]  # fmt: skip
    assert len(ids) == len(set(ids)) > 20


def test_everything_is_escaped() -> None:
    case = Counterexample(EVIL, (np.ones(2),), {EVIL: EVIL}, np.ones(2), np.zeros(2), 0.0, EVIL)
    verdict = Verdict(EVIL, False, 0.0, EVIL, 1, EVIL, case, ((0.0, 0.0),))
    report = CheckReport(EVIL, {EVIL: verdict}, (EVIL,), precision=EVIL, notes=(EVIL,), outputs=1)
    text = check_page(report, setup=EVIL)
    text.encode()
    assert not set(text) & {"\x00", "\x1b", "\x85", "\ud800"}
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    shown = EVIL.translate(dict.fromkeys((0, 0x1B, 0x85, 0xD800), "\ufffd"))
    assert page.within("h1") == [shown.strip()]
    assert shown.strip() in page.within("td")
    assert any(shown.strip() in code for code in page.within("code"))


@pytest.mark.usefixtures("no_pictures")
def test_long_inputs_are_cut_in_the_middle() -> None:
    case = specimen()["homogeneous"].counterexample
    assert case is not None
    long = replace(case, inputs=(np.arange(100_000.0),), got=np.ones((2, 3)), want=np.ones((2, 3)))
    verdict = Verdict("homogeneous", False, -6.0, counterexample=long)
    text = check_page(specimen(verdicts={"homogeneous": verdict}, demanded=("homogeneous",)))
    assert "[0, 1, 2, 3, ..., 99996, 99997, 99998, 99999] (100000 frames)" in text
    assert len(text) < 300_000


@pytest.mark.usefixtures("no_pictures")
def test_what_was_not_measured_is_left_out() -> None:
    verdict = Verdict("linear", None, detail="late")
    report = CheckReport("nothing", {"linear": verdict}, ("linear",), outputs=0)
    page = Page(check_page(report))
    assert page.within("h2") == ["Verdicts", "Pictures", "Measured", "What was asked for"]
    said = " ".join(text for _, text in page.texts)
    assert "nan" not in said.lower().split()
    assert "tolerance" not in said
    assert "Hz" not in said
    exact = Verdict("linear", True, -math.inf)
    assert "none" in Page(check_page(replace(report, verdicts={"linear": exact}))).within("td")


@pytest.mark.usefixtures("no_pictures")
def test_the_page_of_a_check() -> None:
    report = check(lambda x: x**2, trials=5)
    text = check_page(report)
    assert check_page(report) == text
    said = " ".join(t for _, t in Page(text).texts)
    for verdict in report.verdicts.values():
        assert verdict.name in said
        assert " ".join(verdict.detail.split()) in " ".join(said.split())
