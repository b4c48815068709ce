"""What the project needs on a machine: a `.venv`, a JDK, Maven, Chromium, PostgreSQL. Idempotent, quick when repeated.

Runs on the system's own Python with nothing installed, so it uses the standard library only. Missing programs are
installed by apt-get where that is possible (root on Debian or Ubuntu), else named with the command to run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
JDK_AT_LEAST = 17
PYTHON_AT_LEAST = (3, 11)


@dataclass(frozen=True)
class Program:
    """A program that the project calls: how to see it, and Debian's packages for it."""

    name: str
    found: Callable[[], bool]
    packages: tuple[str, ...]
    hint: str


def _output(*command: str) -> str:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return ""
    return ended.stdout + ended.stderr


def _jdk() -> bool:
    found = re.search(r"javac (\d+)", _output("javac", "-version"))
    return bool(found and int(found[1]) >= JDK_AT_LEAST)


def _postgresql() -> bool:
    if os.environ.get("TEST_POSTGRES_URL") or shutil.which("initdb"):
        return True
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def chromium() -> str | None:
    """Return the path of a Chromium or Chrome, None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def _venv_module() -> bool:
    return not _output(sys.executable, "-c", "import ensurepip, venv").strip()


PROGRAMS = (
    Program("Python's venv", _venv_module, ("python3-venv",), "install Python's venv and ensurepip modules"),
    Program(
        "a JDK", _jdk, ("openjdk-17-jdk-headless",), f"install a JDK {JDK_AT_LEAST} or newer, with javac on the PATH"
    ),
    Program("Maven", lambda: shutil.which("mvn") is not None, ("maven",), "install Maven, with mvn on the PATH"),
    Program("Chromium", lambda: chromium() is not None, ("chromium",), "install Chromium or Chrome"),
    Program("PostgreSQL", _postgresql, ("postgresql",), "install PostgreSQL's server, or set TEST_POSTGRES_URL"),
)


def _can_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def programs(wanted: Sequence[str]) -> list[str]:
    """Install what is missing of `wanted`; return one sentence for each that still is."""
    missing = [program for program in PROGRAMS if program.name in wanted and not program.found()]
    if missing and _can_install():
        names = [package for program in missing for package in program.packages]
        print(f"  … installing {', '.join(names)}", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "-qq", "update"],
            ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *names],
        ):
            subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
    return [_sentence(program) for program in missing if not program.found()]


def _sentence(program: Program) -> str:
    command = f"sudo apt-get install {' '.join(program.packages)}"
    return f"{program.name} is missing: run `{command}` on Debian or Ubuntu, elsewhere {program.hint}."


def _stamp() -> str:
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + (ROOT / "pyproject.toml").read_bytes())
    return f"{digest.hexdigest()} {sys.version_info[:2]}"


def python_environment() -> None:
    """Make `.venv` hold what requirements/dev.txt locks, and this project; do nothing where it already does."""
    stamp = VENV / ".requirements"
    if stamp.exists() and stamp.read_text("utf-8") == _stamp():
        return
    begun = time.monotonic()
    print("  … making .venv", flush=True)
    if not (VENV / "bin" / "pip").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--no-compile",
    ]
    subprocess.run([*pip, "--require-hashes", "--requirement", str(REQUIREMENTS)], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", str(ROOT)], check=True)
    stamp.write_text(_stamp(), "utf-8")
    print(f"  ✔ .venv ({time.monotonic() - begun:.0f} s)", flush=True)


def main() -> int:
    """Provide what is missing; say what could not be provided."""
    parser = argparse.ArgumentParser(description="Provide what the project needs on this machine.")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="a program to do without")
    without = {name.lower() for name in parser.parse_args().without}
    if sys.version_info < PYTHON_AT_LEAST:
        print(f"Python {'.'.join(map(str, PYTHON_AT_LEAST))} or newer is needed; this is {sys.version.split()[0]}.")
        return 1
    problems = programs([program.name for program in PROGRAMS if program.name.lower() not in without])
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    try:
        python_environment()
    except subprocess.CalledProcessError as error:
        print(f"Making .venv failed with status {error.returncode}; see above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
