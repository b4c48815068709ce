"""What statements share: their text for a dialect, constants of ours, and bounds."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Integer, Select, bindparam, literal_column
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ClauseElement

S = TypeVar("S", bound=Select[Any])

MOST: Final = bindparam("most", type_=Integer)


def text_of(statement: ClauseElement, dialect: str) -> str:
    """A statement's whole text for `sqlite` or `postgresql`: limits and the like are written into it."""
    postgres: Any = PGDialect_psycopg
    target: Dialect = postgres() if dialect == "postgresql" else sqlite.dialect(paramstyle="named")
    return str(statement.compile(dialect=target, compile_kwargs={"render_postcompile": True}))


def number(value: int) -> ColumnElement[int]:
    """A constant of ours, written into the text."""
    return literal_column(str(value))


def bounded(statement: S, most: int | ColumnElement[int] = MOST) -> S:
    """The first rows alone: as many as a constant says, or the parameter `most`."""
    limit = number(most) if isinstance(most, int) else most
    return statement.limit(limit).offset(number(0))  # without an offset SQLite's compiler adds a parameter for one
