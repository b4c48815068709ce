"""`docs/signals.md` and the list of reason codes that a policy may ask about, written from the sources of evidence.

`python -m tools.signals_doc` rewrites both; `--check` says whether they are current.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from types import ModuleType
from typing import Final

from idp_adapter.core.fusion import DISCOUNTS, SOURCES, WEIGHTS, Source
from tools.paths import ROOT

PAGE: Final = ROOT / "docs" / "signals.md"
CODES: Final = ROOT / "idp_adapter" / "core" / "evidence" / "codes.py"
_CODES_HEAD: Final = '''"""Every reason code of any source. Written by `python -m tools.signals_doc`; do not edit."""

from __future__ import annotations

from typing import Final

CODES: Final = frozenset(
    {
'''


def _discounts() -> str:
    """What the rest of each group counts."""
    return " or ".join(f"{discount:g} (`{group}`)" for group, discount in sorted(DISCOUNTS.items()))


_HEAD: Final = f"""# Signals and their evidence

*Written by `python -m tools.signals_doc` from `idp_adapter/core/fusion.py` and the modules that it lists.*

Each source gives nats of log-odds: positive speaks for an impostor, negative for the subject. A source without data
abstains and weighs nothing. Its nats count by its weight, within its caps: so much against, so much for the subject.
Within a group the strongest source counts whole, the rest at {_discounts()}. How weights were
found is in [fusion.md](fusion.md). A source marked *behaviour* can ask for more proof or shorten a token; alone it
never refuses and never ends a session.

| source | group | weight | against, for | kind | reason codes |
|---|---|---|---|---|---|
"""


def codes(module: ModuleType) -> list[str]:
    """The reason codes that a module, or one that it alone is helped by, can give.

    They are string literals that start with a source's word, but for the sources' own names and words for users; and
    what any behavioural model can give, by its own.
    """
    words = (
        "device_",
        "user_agent_",
        "binding_",
        "network_",
        "place_",
        "pointer_",
        "travel_",
        "failures_",
        "account_",
        "hours_",
        "keystroke_",
        "any_text_",
        "automation_",
        "posture_",
        "step_up_",
    )
    trees = [ast.parse(inspect.getsource(part)) for part in (module, *_helpers(module))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    told = {id(node.args[3]) for node in nodes if isinstance(node, ast.Call) and _is_of_reason(node)}
    literals = [node for node in nodes if isinstance(node, ast.Constant) and id(node) not in told]
    found = {node.value for node in literals if isinstance(node.value, str)} - {source.name for source in SOURCES}
    of_models = ("like", "unlike", "enrolling", "baseline_expired")
    found |= {f"{vars(part)['SOURCE']}_{word}" for part in _models(module) for word in of_models}
    return sorted(code for code in found if code.startswith((*words, "telemetry_none")) and " " not in code)


def _is_of_reason(call: ast.Call) -> bool:
    """Whether it makes a reason with a word for the user."""
    return isinstance(call.func, ast.Name) and call.func.id == "Reason" and len(call.args) > 3


def _models(module: ModuleType) -> list[ModuleType]:
    """The module itself, where it asks a behavioural model of its own name for evidence."""
    models = [value for value in vars(module).values() if inspect.ismodule(value) and hasattr(value, "weighed")]
    return [part for part in models if vars(part)["SOURCE"] == vars(module)["SOURCE"]]


def _helpers(module: ModuleType) -> list[ModuleType]:
    """Modules of evidence that are no source themselves."""
    used = [value for value in vars(module).values() if inspect.ismodule(value)]
    return [part for part in used if ".core.evidence." in part.__name__ and not hasattr(part, "SOURCE")]


def _module(source: Source) -> ModuleType:
    module = inspect.getmodule(source.score)
    if module is None:
        raise RuntimeError(f"{source.name} has no module")
    return module


def _weight(source: Source) -> str:
    return f"{WEIGHTS[source.name]:.3f}" if source.name in WEIGHTS else "1, judged"


def text() -> str:
    """The whole page."""
    rows, parts = [], []
    for source in SOURCES:
        module = _module(source)
        kind = "behaviour" if "behavioural=True" in inspect.getsource(module) else "context"
        listed = ", ".join(f"`{code}`" for code in codes(module))
        rows.append(
            f"| [{source.name}](#{source.name}) | {source.group} | {_weight(source)} |"
            f" {source.cap_nats:g}, {min(source.cap_nats, source.reassures_nats):g} nats | {kind} | {listed} |"
        )
        parts.append(f"## {source.name}\n\n{inspect.getdoc(module)}\n")
    return _HEAD + "\n".join(rows) + "\n\n" + "\n".join(parts)


def module_text() -> str:
    """The module of all codes."""
    found = {code for source in SOURCES for code in codes(_module(source))}
    return _CODES_HEAD + "".join(f'        "{code}",\n' for code in sorted(found)) + "    }\n)\n"


def main() -> int:
    """Write both, or check them."""
    parser = argparse.ArgumentParser(description="Write docs/signals.md and the reason codes from the sources.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when one is not current")
    wanted = {PAGE: text(), CODES: module_text()}
    if not parser.parse_args().check:
        for path, content in wanted.items():
            path.write_text(content, "utf-8")
        return 0
    stale = [path for path, content in wanted.items() if not path.exists() or path.read_text("utf-8") != content]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not current: run python -m tools.signals_doc")
    if not stale:
        print("docs/signals.md and the reason codes are current")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
