"""Where things lie. Downloads and builds go to `.cache/`, one folder per run to `.run/`; both are ignored by git."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"
RUN = ROOT / ".run"
VENV = ROOT / ".venv"
REALMS = ROOT / "realms"
EXTENSION = ROOT / "keycloak-extension"
EXTENSION_JAR = EXTENSION / "target" / "keycloak-risk-extension.jar"


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports of one stack; the defaults are those that the realm files and the documentation name."""

    keycloak: int = 8080
    management: int = 9000
    service: int = 8181
    app: int = 8000
