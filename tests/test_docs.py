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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_documents_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not re.match(r"https?:|mailto:", target):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
