"""A replay's report as JSON-ready values, as text, and as a picture (SVG)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias
from xml.sax.saxutils import escape

from idp_adapter.core.differences import Difference
from idp_adapter.core.replay import Report

Document: TypeAlias = dict[str, Any]
MOST_ROWS: Final = 40  # of one table; the rest are summed up
_TABLES: Final = {
    "by_hook": "hook",
    "by_client": "client",
    "by_group": "group",
    "by_exemption": "accessibility",
}
_COLOURS: Final = {
    Difference.REFUSED: "#b2182b",
    Difference.CHALLENGED: "#ef8a62",
    Difference.ENDED: "#762a83",
    Difference.CAPPED: "#999999",
    Difference.SHORTENED: "#fdc086",
    Difference.LOOSENED: "#2166ac",
    Difference.LENGTHENED: "#92c5de",
}
_ROW, _LEFT, _WIDTH = 18, 260, 520


def document(report: Report, *, seconds: float) -> Document:
    """The report, its rows sorted by what changes most. `per_second` counts decisions."""
    judged = report.judged + report.without_facts + report.unreadable
    return {
        "judged": report.judged,
        "without_facts": report.without_facts,
        "unreadable": report.unreadable,
        "seconds": round(seconds, 3),
        "per_second": round(judged / seconds) if seconds > 0 else 0,
        "changes": _counts(report.changes),
        **{name: _rows(getattr(report, name)) for name in _TABLES},
    }


def lines(policy: str, issuer: str, found: Document) -> Iterator[str]:
    """A table for a person."""
    kinds = [kind for kind in _COLOURS if found["changes"].get(kind)]
    yield f"{found['judged']:,} decisions of {issuer} judged again by {policy} in {found['seconds']:.1f} s"
    if found["without_facts"]:
        yield f"{found['without_facts']:,} more were stored before decisions kept their facts and can't be judged again"
    if found["unreadable"]:
        yield f"{found['unreadable']:,} more are damaged and can't be read (`idp-adapter audit verify` looks into it)"
    yield ""
    yield f"{'':44}{'decisions':>12}" + "".join(f"{kind:>12}" for kind in kinds)
    yield _line("all", found["changes"], kinds)
    for name, title in _TABLES.items():
        for row, counts in found[name].items():
            yield _line(f"{title} {row}", counts, kinds)
    if not kinds:
        yield "Nothing would change."


def svg(policy: str, realms: Mapping[str, Document]) -> str:
    """One bar per row: the share of its decisions that would change, by kind."""
    drawn: list[str] = []
    y = 30
    for issuer, found in realms.items():
        drawn.append(_text(8, y, f"{issuer}: {found['judged']:,} decisions, judged again by {policy}", bold=True))
        y += _ROW
        rows = [("all", found["changes"])]
        rows += [(f"{title} {row}", counts) for name, title in _TABLES.items() for row, counts in found[name].items()]
        widest = max((_changed(counts) / max(1, counts["decisions"]) for _, counts in rows), default=0) or 1.0
        for title, counts in rows:
            drawn += _bar(y, title, counts, widest)
            y += _ROW
        drawn.append(_text(_LEFT, y, f"full width: {100 * widest:.3g} % of a row's decisions"))
        y += 2 * _ROW
    for i, (kind, colour) in enumerate(_COLOURS.items()):
        drawn.append(f'<rect x="{8 + 110 * i}" y="{y - 10}" width="10" height="10" fill="{colour}"/>')
        drawn.append(_text(22 + 110 * i, y, kind.value))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_LEFT + _WIDTH + 90}" height="{y + 20}">'
    title = f"<title>{escape(f'What {policy} would change')}</title>"
    return "\n".join((head, title, '<rect width="100%" height="100%" fill="white"/>', *drawn, "</svg>\n"))


def _counts(counter: Counter[Difference]) -> dict[str, int]:
    return {"decisions": counter.total(), **{kind.value: counter[kind] for kind in _COLOURS if counter[kind]}}


def _changed(counts: Mapping[str, int]) -> int:
    return sum(count for kind, count in counts.items() if kind != "decisions")


def _rows(table: Mapping[str, Counter[Difference]]) -> dict[str, dict[str, int]]:
    ordered = sorted(table.items(), key=lambda row: (row[1][Difference.SAME] - row[1].total(), row[0]))
    rows = {name: _counts(counter) for name, counter in ordered[:MOST_ROWS]}
    if ordered[MOST_ROWS:]:
        rest = sum((counter for _, counter in ordered[MOST_ROWS:]), Counter[Difference]())
        rows[f"{len(ordered) - MOST_ROWS} others"] = _counts(rest)
    return rows


def _line(title: str, counts: Mapping[str, int], kinds: list[Difference]) -> str:
    return f"{title[:43]:44}{counts['decisions']:>12,}" + "".join(f"{counts.get(kind, 0):>12,}" for kind in kinds)


def _bar(y: int, title: str, counts: Mapping[str, int], widest: float) -> Iterator[str]:
    yield _text(8, y, title[:40])
    x = float(_LEFT)
    for kind, colour in _COLOURS.items():
        width = _WIDTH * counts.get(kind, 0) / max(1, counts["decisions"]) / widest
        if width:
            told = f"<title>{kind.value}: {counts[kind]:,} of {counts['decisions']:,}</title>"
            yield f'<rect x="{x:.1f}" y="{y - 11}" width="{width:.1f}" height="13" fill="{colour}">{told}</rect>'
        x += width
    yield _text(round(x) + 6, y, f"{_changed(counts):,} of {counts['decisions']:,}")


def _text(x: int, y: int, words: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="12"{weight}>{escape(words)}</text>'
