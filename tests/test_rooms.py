"""The house: imports point inwards, and each technology lives in its room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "idp_adapter"
MODULES = sorted(ROOT.rglob("*.py"))
# room (longest prefix wins) -> what it may import of this package
MAY_IMPORT = {
    "core": ("core", "errors"),
    "services": ("core", "services", "errors"),
    "adapters": ("core", "services", "adapters", "config", "errors"),
    "relying_party": ("relying_party",),
    "errors": (),
    "config": ("errors",),
    "policies": (),
}
# third-party and standard modules -> the only places that may name them
LIVES_IN = {
    "flask": ("adapters/http", "relying_party", "app.py"),
    "gunicorn": ("__main__.py", "adapters/http"),
    "sqlalchemy": ("adapters/sql",),
    "alembic": ("adapters/sql",),
    "psycopg": ("adapters/sql",),
    "sqlite3": ("adapters/sql",),
    "jwt": ("adapters/jose", "relying_party"),
    "authlib": ("relying_party",),
    "requests": ("adapters/jose", "relying_party"),
    "maxminddb": ("adapters/geoip",),
    "prometheus_client": ("adapters/metrics",),
    "structlog": ("adapters/logs", "adapters/http", "app.py", "__main__.py"),
    "sklearn": (),
    "secrets": ("app.py", "adapters/jose", "relying_party"),
    "random": ("app.py",),
}
PURE = (
    "os",
    "sys",
    "io",
    "socket",
    "logging",
    "pathlib",
    "json",
    "time",
    "random",
    "secrets",
    "subprocess",
    "threading",
)


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{where(path)} imports relatively"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_imports_point_inwards(path):
    room = where(path).split("/")[0].removesuffix(".py")
    allowed = MAY_IMPORT.get(room)
    if allowed is None:
        return
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "idp_adapter" and len(parts) > 1:
            assert parts[1] in allowed, f"{where(path)} must not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_each_technology_lives_in_its_room(path):
    for name in imported(path):
        homes = LIVES_IN.get(name.split(".")[0])
        assert homes is None or where(path).startswith(homes), f"{name} does not belong in {where(path)}"


@pytest.mark.parametrize("path", [p for p in MODULES if where(p).startswith("core")], ids=where)
def test_the_core_is_pure(path):
    assert not {name.split(".")[0] for name in imported(path)} & set(PURE)


@pytest.mark.parametrize("path", MODULES, ids=where)
def test_only_the_composition_root_reads_the_clock_and_only_config_the_environment(path):
    text = path.read_text(encoding="utf-8")
    if where(path) not in ("app.py", "__main__.py") and not where(path).startswith("relying_party"):
        assert "datetime.now(" not in text
        assert "time.time()" not in text
    if where(path) != "config.py":
        assert "os.environ" not in text
        assert "getenv" not in text
