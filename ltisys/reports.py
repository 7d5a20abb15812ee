"""self-contained HTML pages of responses, checks and measurements"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from typing import Any

from ltisys import __version__
from ltisys.verdicts import CheckReport, Counterexample, Verdict, level, shown

__all__ = ["check_page"]

STYLE = """
:root { color-scheme: light dark; --paper: #fdfdfc; --ink: #1d2126; --quiet: #5b636d;
  --line: #d9dde2; --block: #f2f3f5; --good: #1a7f37; --bad: #c62828; --open: #8a5a00; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e4e7eb; --quiet: #9aa3ad; --line: #343a42; --block: #1f242a;
    --good: #57c46f; --bad: #ff7b72; --open: #e0b050; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 68rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin-bottom: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .3em 1.2em .3em 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
thead th, .pairs th { color: var(--quiet); font-weight: 500; white-space: nowrap; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
.good { color: var(--good); } .bad { color: var(--bad); } .open { color: var(--open); }
.quiet, footer { color: var(--quiet); }
pre, code { font: .9em/1.45 ui-monospace, monospace; }
pre { background: var(--block); padding: .7em 1em; border-radius: 6px; overflow-x: auto; }
svg { min-width: 60rem; width: 100%; height: auto; }
footer { margin: 3rem 0 1rem; font-size: .85rem; }
@media print { body { max-width: none; } svg { min-width: 0; } }
"""

# What a page may not hold: the controls besides tab and newline, halves of characters
UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def check_page(report: CheckReport, *, setup: str | None = None) -> str:
    """Return what a check found as an HTML page that needs nothing else.

    The verdicts, what was measured, every counterexample with the line that reproduces it, and
    the pictures of `plot_report`. It fetches nothing, runs nothing, and is light or dark as its
    reader's screen is. Equal reports give equal pages.

    Parameters
    ----------
    report : CheckReport
        What `ltisys.check` returns.
    setup : str, optional
        Python that makes ``system``, ``np`` and ``lti``, which the counterexamples use.

    Returns
    -------
    str
        The page; write it as UTF-8.

    Examples
    --------
    >>> import ltisys as lti
    >>> from ltisys.reports import check_page
    >>> page = check_page(lti.check(lambda x: x**2, trials=10))
    >>> page.splitlines()[0]
    '<!doctype html>'
    """
    cases = report.shown_counterexamples()
    sections = [
        _section("Verdicts", _verdicts(report)),
        _section("What it is", _list(report.notes)) if report.notes else "",
        _section("Counterexamples", _cases(report, cases, setup)) if cases else "",
        _section("Pictures", f'<div class="wide">{_picture(report)}</div>'),
        _section("Measured", _pairs(report.facts().items())) if report.facts() else "",
        _section("What was asked for", _pairs(_parameters(report))),
    ]
    body = "\n".join(section for section in sections if section)
    said = report.headline().removeprefix(f"{report.name}: ")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="ltisys {_text(__version__)}">
<title>{_text(report.headline())}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{_text(report.name)}</h1>
<p class="{_mood(report)}"><b>{_text(_capital(said))}</b></p>
{body}
<footer>ltisys {_text(__version__)}. A property without a counterexample is not proven:
none was found in these trials.</footer>
</body>
</html>
"""


def _text(value: Any) -> str:
    return html.escape(UNFIT.sub("\ufffd", str(value)))


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{title}</h2>\n{content}\n</section>"


def _mood(report: CheckReport) -> str:
    if report:
        return "good"
    return "bad" if report.failures else "open"


def _picture(report: CheckReport) -> str:
    sentence = "Departure against level, a counterexample's two sides, the impulse response"
    return report.to_svg().replace("<svg ", f'<svg role="img" aria-label="{sentence}" ', 1)


def _verdicts(report: CheckReport) -> str:
    moods = {"holds": "good", "FAILS": "bad", "?": "open"}
    rows = []
    for verdict in report.verdicts.values():
        answer = report.answer(verdict)
        rows.append(
            f"<tr><th>{_text(verdict.name)}</th>"
            f'<td class="{moods.get(answer, "quiet")}"><b>{_text(answer)}</b></td>'
            f'<td class="number">{_text(_departure(verdict))}</td>'
            f'<td class="number">{verdict.trials:,}</td>'
            f"<td>{_text(verdict.detail or verdict.grade)}</td></tr>"
        )
    heads = "".join(
        f"<th>{head}</th>" for head in ("property", "", "worst departure", "trials", "in words")
    )
    body = "\n".join(rows)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _departure(verdict: Verdict) -> str:
    """Return the worst departure, nothing where nothing was compared."""
    return "" if math.isnan(verdict.departure_db) else level(verdict.departure_db)


def _cases(report: CheckReport, cases: list[tuple[Verdict, str]], setup: str | None) -> str:
    parts = [f"<pre><code>{_text(setup)}</code></pre>"] if setup else []
    for verdict, names in cases:
        case = verdict.counterexample
        assert case is not None
        parts.append(
            f"<h3>Not {_text(names)}</h3>\n<p>{_text(_capital(case.law))}:</p>\n"
            f"{_pairs(_case(case))}\n<pre><code>{_text(case.reproduce)}</code></pre>"
        )
    return "\n".join(parts)


def _case(case: Counterexample) -> Iterable[tuple[str, Any]]:
    yield from ((name, shown(x)) for name, x in zip("abcdef", case.inputs, strict=False))
    yield from ((name, shown(value)) for name, value in case.parameters.items())
    yield "got", shown(case.got)
    yield "want", shown(case.want)
    if not math.isnan(case.departure_db):
        yield "departure", level(case.departure_db)


def _parameters(report: CheckReport) -> Iterable[tuple[str, Any]]:
    yield "properties", ", ".join(report.demanded)
    yield "trials", f"{report.trials:,}"
    yield "inputs", report.inputs
    if report.fs is not None:
        yield "rate", f"{report.fs:g} Hz"
    yield "seed", report.seed


def _pairs(pairs: Iterable[tuple[str, Any]]) -> str:
    rows = "\n".join(f"<tr><th>{_text(k)}</th><td>{_text(v)}</td></tr>" for k, v in pairs)
    return f'<table class="pairs"><tbody>\n{rows}\n</tbody></table>'


def _list(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(_capital(s))}</li>" for s in sentences) + "</ul>"
