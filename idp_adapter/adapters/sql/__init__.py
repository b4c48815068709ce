"""Durable rows on SQLite or PostgreSQL: schema, migrations and the store."""

from idp_adapter.adapters.sql.opening import open_store
from idp_adapter.adapters.sql.store import SqlStore

__all__ = ["SqlStore", "open_store"]
