"""The floor under a decision: the least that such a service has to do, on the same server and database.

`python -m benchmarks.floor PORT DATABASE_URL [--workers N] [--threads N]` serves it; `benchmarks.latency` asks it in
the same run as the real one. For each question it parses JSON, verifies one ES256 signature, reads a row twice, writes
a row that is durable before the answer leaves, and signs the answer. It weighs nothing, and answers whoever asks.
"""

from __future__ import annotations

import argparse
import itertools
import json
import uuid
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Column, MetaData, Table, Text, bindparam, insert, make_url, select

from idp_adapter.adapters.http.server import Server
from idp_adapter.adapters.jose import b64
from idp_adapter.adapters.sql.clauses import text_of
from idp_adapter.adapters.sql.database import Database
from idp_adapter.adapters.sql.postgres import Postgres
from idp_adapter.adapters.sql.sqlite import Sqlite

BUDGET_S = 5.0
ROWS = 100
ROW_BYTES = 2000  # about what is read of a user whom the service knows
ALGORITHM = ec.ECDSA(hashes.SHA256())
TABLE = Table("floor", MetaData(), Column("id", Text, primary_key=True), Column("body", Text))


class Floor:
    """The application of one worker, on rows that `prepare` made."""

    def __init__(self, url: str, threads: int) -> None:
        self._database = _opened(url, threads)
        self._find = text_of(select(TABLE.c.body).where(TABLE.c.id == bindparam("id")), _dialect(url))
        self._add = _adding(url)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._public = self._key.public_key()
        self._proved = self._key.sign(bytes(ROW_BYTES), ALGORITHM)
        self._numbers = itertools.count()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one question; anything without a body is told that the service is ready."""
        asked = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = self._answer(asked) if asked else b""
        start_response("200 OK", [("Content-Type", "application/jwt"), ("Content-Length", str(len(answer)))])
        return [answer]

    def _answer(self, asked: bytes) -> bytes:
        question = json.loads(asked)
        self._public.verify(self._proved, bytes(ROW_BYTES), ALGORITHM)
        number = next(self._numbers)
        for row in (number, number + 1):
            self._database.read(self._find, {"id": str(row % ROWS)})
        text = json.dumps(question)
        self._database.write(self._add, {"id": str(uuid.uuid4()), "body": text})
        signed = f"{b64(b'{}')}.{b64(text[:ROW_BYTES].encode())}"
        return f"{signed}.{b64(self._key.sign(signed.encode(), ALGORITHM))}".encode()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def prepare(url: str) -> None:
    """Make the table and what is read of it."""
    with closing(_opened(url, 1)) as database:
        database.write("DROP TABLE IF EXISTS floor", {})
        database.write("CREATE TABLE floor (id TEXT PRIMARY KEY, body TEXT)", {})
        for row in range(ROWS):
            database.write(_adding(url), {"id": str(row), "body": "x" * ROW_BYTES})


def _opened(url: str, threads: int) -> Database:
    if _dialect(url) == "sqlite":
        return Sqlite(make_url(url).database or "", budget_s=BUDGET_S, slow_budget_s=BUDGET_S)
    return Postgres(url, budget_s=BUDGET_S, slow_budget_s=BUDGET_S, most_connections=threads)


def _dialect(url: str) -> str:
    return "sqlite" if make_url(url).drivername == "sqlite" else "postgresql"


def _adding(url: str) -> str:
    return text_of(insert(TABLE).values(id=bindparam("id"), body=bindparam("body")), _dialect(url))


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="The floor under a decision.")
    parser.add_argument("port", type=int)
    parser.add_argument("url", help="a database that the service has opened before")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=8)
    given = parser.parse_args()
    prepare(given.url)
    bind = f"127.0.0.1:{given.port}"
    Server(lambda: Floor(given.url, given.threads), bind=bind, workers=given.workers, threads=given.threads).run()


if __name__ == "__main__":
    main()
