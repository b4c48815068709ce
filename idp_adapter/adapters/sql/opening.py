"""Opening a store: URL to database, schema brought to the newest revision under a lock, store ready.

Two processes that start at once are safe: the second waits for the first's lock, then finds nothing to do. A database
that a newer version has migrated is refused rather than guessed at.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, exc, make_url, text

from idp_adapter.adapters.sealing import Sealer
from idp_adapter.adapters.sql.database import Database, unavailable
from idp_adapter.adapters.sql.group_commit import is_busy, translated
from idp_adapter.adapters.sql.schema import REVISION
from idp_adapter.adapters.sql.sqlite import MemorySqlite, Sqlite, connect
from idp_adapter.adapters.sql.statements import compiled
from idp_adapter.adapters.sql.store import SqlStore
from idp_adapter.errors import ProfileDamaged, SettingsInvalid
from idp_adapter.services.audit_ports import Attest

_LOCK_KEY: Final = 0x6964702D72697371  # of the advisory lock; any constant of ours
_SEALED: Final = 2  # a SQLite file's `user_version` once no page of it holds a body from before sealing
_MEMORIES: Final = itertools.count()  # in-memory databases of one process need different names
_POSTGRES: Final = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_EXAMPLES: Final = "`sqlite:////var/lib/idp-adapter/risk.db` or `postgresql://user@host/database`"


def open_store(
    url: str,
    *,
    sealer: Sealer,
    budget_s: float,
    slow_budget_s: float = 10.0,
    most_connections: int = 8,
    start_budget_s: float = 30.0,
    on_damaged: Callable[[ProfileDamaged], None] = lambda _: None,
    attest: Attest | None = None,
) -> SqlStore:
    """Open, migrate and return the store.

    `sealer` seals what is learnt, and what an older version left unsealed. `budget_s` bounds each call of the hot path,
    `slow_budget_s` each batch of maintenance (erase, export, retention), `start_budget_s` the wait for another
    process's migration. `on_damaged` hears of each profile that can't be read and so counts as absent; `attest` states
    what is removed of sealed decisions. Call it in the process that will use it, after any fork.

    Raises `SettingsInvalid` for a URL of another kind, `Unavailable` when the database can't be reached or is newer.
    """
    parsed = _parsed(url)
    database: Database
    if parsed.drivername in _POSTGRES:
        from idp_adapter.adapters.sql.postgres import Postgres  # the embedded default doesn't pay for the driver

        dialect = "postgresql"
        target = parsed.set(drivername="postgresql+psycopg")
        _migrate_postgres(target, start_budget_s, sealer)
        database = Postgres(
            _conninfo(parsed),
            budget_s=budget_s,
            slow_budget_s=slow_budget_s,
            most_connections=most_connections,
        )
    else:
        dialect = "sqlite"
        database = _open_sqlite(parsed.database, budget_s, slow_budget_s, start_budget_s, sealer)
    return SqlStore(database, compiled(dialect), sealer, dialect=dialect, attest=attest, on_damaged=on_damaged)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise SettingsInvalid("the database URL", [f"isn't a URL; write {_EXAMPLES}"]) from None
    if parsed.drivername not in _POSTGRES | {"sqlite"}:
        raise SettingsInvalid("the database URL", [f"`{parsed.drivername}` isn't supported; write {_EXAMPLES}"])
    return parsed


def _conninfo(url: URL) -> str:
    """The URL as libpq reads it: to it a plus is no space."""
    address, mark, query = url.set(drivername="postgresql").render_as_string(hide_password=False).partition("?")
    return f"{address}{mark}{query.replace('+', '%20')}"


def _open_sqlite(
    path: str | None, budget_s: float, slow_budget_s: float, start_budget_s: float, sealer: Sealer
) -> Database:
    try:
        if path is None or path == ":memory:":
            shared = f"file:idp-adapter-{next(_MEMORIES)}?mode=memory&cache=shared"
            connection = connect(shared, budget_s=budget_s, uri=True)
            _migrate_sqlite(shared, start_budget_s, sealer, uri=True)
            return MemorySqlite(connection, budget_s=budget_s)
        _prepare_file(path, start_budget_s)
        _migrate_sqlite(path, start_budget_s, sealer)
    except (sqlite3.Error, exc.DBAPIError, OSError) as error:
        raise _not_opened(error) from None
    return Sqlite(path, budget_s=budget_s, slow_budget_s=slow_budget_s)


def _not_opened(error: Exception) -> Exception:
    if isinstance(error, OSError):
        return unavailable(f"the database file can't be opened: {error.strerror}", hint="make its folder writable")
    origin = error.orig if isinstance(error, exc.DBAPIError) else error
    return translated(origin) if isinstance(origin, Exception) else translated(error)


def _prepare_file(path: str, budget_s: float) -> None:
    """A file that only its owner reads, in WAL mode."""
    os.close(os.open(Path(path), os.O_RDWR | os.O_CREAT, 0o600))
    deadline = time.monotonic() + budget_s
    with closing(connect(path, budget_s=budget_s)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:  # two that start at once: SQLite doesn't wait here by itself
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)
            else:
                return


def _migrate_sqlite(path: str, budget_s: float, sealer: Sealer, *, uri: bool = False) -> None:
    with closing(connect(path, budget_s=budget_s, uri=uri)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            row = None
        (mark,) = connection.execute("PRAGMA user_version").fetchone()
        if row is not None and row[0] == REVISION and mark == _SEALED:
            return
        engine = create_engine(
            "sqlite://", creator=lambda: connect(path, budget_s=budget_s, uri=uri), poolclass=NullPool
        )
        event.listen(engine, "begin", _begin_immediate)
        with engine.begin() as connected:
            _upgrade(connected, sealer)
        if row is not None:  # pages that were given up still hold what was not sealed
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute(f"PRAGMA user_version={_SEALED}")


def _begin_immediate(connection: Connection) -> None:
    """The write lock before the first read, so that of two migrations one waits."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate_postgres(url: URL, budget_s: float, sealer: Sealer) -> None:
    seconds = max(2, round(budget_s))  # libpq's least
    own_options = url.query.get("options", "")
    options: dict[str, Any] = {
        "connect_timeout": seconds,
        "options": f"{own_options} -c lock_timeout={seconds}s".strip(),
    }
    engine: Engine = create_engine(url, poolclass=NullPool, connect_args=options)
    try:
        with engine.begin() as connection:
            present = connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
            if present and connection.scalar(text("SELECT version_num FROM alembic_version")) == REVISION:
                return
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            _upgrade(connection, sealer)
    except exc.DBAPIError as error:
        code = getattr(error.orig, "sqlstate", None) or type(error.orig).__name__
        raise unavailable(f"PostgreSQL can't be opened: {code}", hint="see that it runs and takes this user") from None


def _upgrade(connection: Connection, sealer: Sealer) -> None:
    """Run Alembic in the transaction at hand. Imported here: a start that has nothing to migrate doesn't pay for it."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "idp_adapter.adapters.sql:migrations")
    config.attributes["connection"] = connection
    config.attributes["sealer"] = sealer
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise unavailable(
            "the schema isn't one of this version's", hint="run the version that made it, or newer"
        ) from None
