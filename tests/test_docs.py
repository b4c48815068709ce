"""Documents that are written from code say what the code says; links inside the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import signals_doc

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])


def test_the_page_of_signals_is_current():
    assert signals_doc.PAGE.read_text("utf-8") == signals_doc.text()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them; from the second of a name on with a number."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        words = re.sub(r"\]\([^)]*\)", "", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(next(each for each in (name, *(f"{name}-{i}" for i in range(1, 99))) if each not in found))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_documents_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text("utf-8")):
        if not re.match(r"https?:|mailto:", target):
            to = page.parent / target if target else page
            assert to.exists(), f"{page.name} points to {target}"
            assert not anchor or anchor in anchors(to), f"{page.name} points to {target}#{anchor}, which is no heading"


def test_anchors_are_made_of_headings_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Who reaches whom, by `name`\n```\n# no heading\n```\n## Twice\n## Twice\n## [Link](x.md)\n", "utf-8"
    )
    assert anchors(page) == {"who-reaches-whom-by-name", "twice", "twice-1", "link"}
