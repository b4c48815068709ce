"""`make test`: every check in turn, a table at the end, non-zero when one failed.

All parts run even when one fails, so that one run tells everything.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field

from tools import jdk
from tools.console import cross, say, tick, title
from tools.keycloak import MATRIX, PRIMARY
from tools.paths import CACHE, ROOT
from tools.processes import terminate_like_interrupt

_PY = sys.executable
_PYTEST = [_PY, "-m", "pytest", "-q", "--no-header"]
_CORE_FLOWS = ["tests/e2e/test_login.py", "tests/e2e/test_tokens.py"]


@dataclass(frozen=True)
class Part:
    """One part of the suite: commands that run in turn."""

    name: str
    commands: list[list[str]]
    env: dict[str, str] = field(default_factory=dict)


LINT = Part(
    "lint",
    [
        [_PY, "-m", "ruff", "check", "."],
        [_PY, "-m", "ruff", "format", "--check", "."],
        [_PY, "-m", "mypy"],
        [_PY, "-m", "mypy", "--strict", "-p", "tools", "-p", "benchmarks"],
        [_PY, "-m", "tools.realms", "--check"],
        [_PY, "-m", "tools.signals_doc", "--check"],
    ],
)
_CORE_COVERAGE = ["--cov=idp_adapter.core", "--cov-branch", "--cov-fail-under=100", "--cov-report=term-missing"]
UNIT = Part(
    "python",
    [
        [*_PYTEST, "tests/core", *_CORE_COVERAGE],
        [*_PYTEST, "-n", "auto", "--dist", "worksteal", "-m", "not e2e and not browser", "--ignore=tests/core"],
    ],
)
JAVA = Part("java", [["mvn", "-q", "-B", "-f", "keycloak-extension", "verify"], [_PY, "-m", "tools.keycloak"]])
BROWSER = Part("browser", [[*_PYTEST, "-m", "browser and not e2e"]])
FLOWS = Part(f"flows on Keycloak {PRIMARY}", [[*_PYTEST, "-m", "e2e", "tests/e2e"]], {"KEYCLOAK_VERSION": PRIMARY})


def _matrix() -> Part:
    """The core flows on the Keycloak before, and on the newest JDK of this machine."""
    found = jdk.newest()
    java = {"JAVA_HOME": str(found[1])} if found else {}
    name = f"core flows on Keycloak {MATRIX}, JDK {found[0]}" if found else f"core flows on Keycloak {MATRIX}"
    return Part(name, [[*_PYTEST, "-m", "e2e", *_CORE_FLOWS]], {"KEYCLOAK_VERSION": MATRIX, **java})


@dataclass
class Running:
    """A part under way, its output in a log."""

    part: Part
    begun: float = field(default_factory=time.monotonic)
    passed: bool = True
    seconds: float = 0.0

    def run(self) -> None:
        """Run the part's commands; print its output at once when alone."""
        title(self.part.name)
        log = CACHE / "logs" / "suite.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        for command in self.part.commands:
            status = subprocess.run(command, cwd=ROOT, env={**os.environ, **self.part.env}, check=False).returncode
            nothing_to_run = status == 5 and "pytest" in command  # no such tests
            if status and not nothing_to_run:
                self.passed = False
        self.seconds = time.monotonic() - self.begun


def main() -> int:
    """Run every part; return 0 when all passed."""
    terminate_like_interrupt()
    begun = time.monotonic()
    done = []
    try:
        for part in (LINT, UNIT, JAVA, BROWSER, FLOWS, _matrix()):
            running = Running(part)
            running.run()
            done.append(running)
    except KeyboardInterrupt:
        say("\nEnded.")
        return 130
    title("summary")
    for running in done:
        (tick if running.passed else cross)(f"{running.part.name} ({running.seconds:.0f} s)")
    failed = [running.part.name for running in done if not running.passed]
    total = f"{(time.monotonic() - begun) / 60:.1f} minutes"
    say(f"\n{'FAILED: ' + ', '.join(failed) if failed else 'All passed'} in {total}.")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
