"""Documents say what the code says: pages written from it are current, links lead somewhere, what they name exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families

from idp_adapter import config
from idp_adapter.__main__ import main
from idp_adapter.adapters import policy_file
from idp_adapter.adapters.metrics import Metrics
from tools import signals_doc

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])


def test_the_page_of_signals_is_current():
    assert signals_doc.PAGE.read_text("utf-8") == signals_doc.text()
    assert signals_doc.CODES.read_text("utf-8") == signals_doc.module_text()


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


def text_of(page: Path) -> str:
    return re.sub(r"\s*\n\s*", " ", page.read_text("utf-8"))


def spans(page: Path, begin: str) -> Iterator[str]:
    """What stands between backticks and begins so, without line breaks."""
    return (span for span in re.findall(r"`([^`]+)`", text_of(page)) if span.startswith(begin))


def commands(words: list[str]) -> Iterator[click.Command]:
    """The commands that `group a|b --option` names. Raises `KeyError` for one that is not there."""
    names = [word.split("|") for word in words if re.fullmatch(r"[a-z-]+(\|[a-z-]+)*", word)]
    for chosen in product(*names):
        command: click.Command = main
        for name in chosen:
            if isinstance(command, click.Group):
                command = command.commands[name]
        yield command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_that_the_documents_show_exist_with_these_options(page):
    for span in spans(page, "idp-adapter "):
        words = span.partition(" ")[2].replace("[", "").replace("]", "").split()
        first = next((i for i, word in enumerate(words) if word.startswith("--") and i), len(words))
        for command in commands([word for word in words[:first] if not word.startswith("--")]):
            known = {option for parameter in (*command.params, *main.params) for option in parameter.opts} | {"--help"}
            named = {option for word in words for option in re.findall(r"^--[a-z-]+", word)}
            assert named <= known, f"{page.name}: `{span}` names {named - known}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_modules_targets_settings_and_metrics_that_the_documents_name_exist(page):
    text = text_of(page)
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    metrics = (ROOT / "idp_adapter" / "adapters" / "metrics.py").read_text("utf-8")
    for module in re.findall(r"python -m ((?:benchmarks|tools|examples)[.\w]*\w)", text):
        assert find_spec(module), f"{page.name} names {module}"
    for span in spans(page, "make "):
        assert set(re.findall(r"^make ([a-z0-9-]+)", span)) <= targets, f"{page.name} names `{span}`"
    for name in re.findall(r"\bIDP_ADAPTER_([A-Z_]*[A-Z])\b", text):
        assert name in config.NAMES, f"{page.name} names IDP_ADAPTER_{name}"
    for name in re.findall(r"\bidp_adapter_([a-z_]+)\b", text):
        stem = re.sub(r"_(total|seconds)$", "", name)
        assert f"idp_adapter_{stem}" in metrics or f'"{stem}' in metrics, f"{page.name} names idp_adapter_{name}"


def test_every_setting_and_metric_is_in_the_operators_page():
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for start, names, end in re.findall(r"`(IDP_ADAPTER_[A-Z_]*)\{([A-Z,]+)\}([A-Z_]*)`", page):
        page += " ".join(f"{start}{name}{end}" for name in names.split(","))
    exposed = {family.name for family in text_string_to_metric_families(Metrics().exposition()[0].decode())}
    assert [name for name in config.NAMES if f"IDP_ADAPTER_{name}" not in page] == []
    assert [name for name in sorted(exposed) if name.startswith("idp_adapter_") and name not in page] == []


def test_the_examples_of_policy_are_valid_beside_the_shipped_one():
    shipped = resources.files("idp_adapter.policies").joinpath("default.toml").read_text("utf-8")
    page = (ROOT / "docs" / "policy.md").read_text("utf-8")
    examples = re.findall(r"^```toml\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert len(examples) >= 5
    for example in examples:
        policy_file.parse(f"{shipped}\n{example}", name=example)


def test_the_example_of_settings_is_valid(tmp_path):
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    file = tmp_path / "settings.toml"
    file.write_text(example, "utf-8")
    assert config.load(file=file, environment={}).public_url == "https://risk.example.org"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_in_python_compile_and_import_what_there_is(page):
    for example in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL):
        compile(example, page.name, "exec")
        for line in re.findall(r"^(?:from|import) .*$", example, flags=re.MULTILINE):
            exec(line, {})
