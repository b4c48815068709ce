"""A real PostgreSQL server of one's own: found, initialised in a temporary folder, started on a unix socket, stopped.

    with postgres.server() as server:
        url = server.new_database()

As root the server runs as another user (`postgres`, else `nobody`), since PostgreSQL refuses root. `Absent` names the
package to install where there are no binaries.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

INSTALL = "PostgreSQL's server isn't here: run `apt-get install -y postgresql`"
START_S = 60.0
STOP_S = 20.0


class Absent(RuntimeError):
    """There is no PostgreSQL on this machine; the message is one sentence with the command to run."""


@dataclass
class Server:
    """One running server, reachable through a unix socket (and on `port` of the loopback where asked for)."""

    folder: Path
    binaries: Path
    port: int
    listen: str
    process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self) -> None:
        """Start, and return when it answers."""
        command = [str(self.binaries / "postgres"), "-D", str(self.data), "-k", str(self.folder), "-p", str(self.port)]
        settings = [
            f"listen_addresses={self.listen}",
            "max_connections=100",
            "shared_buffers=64MB",
            "log_statement=none",
        ]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *itertools.chain.from_iterable(("-c", item) for item in settings)],
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
                **_as_other_user(),
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self._conninfo("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.log()}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self, *, at_once: bool = False) -> None:
        """Stop: `fast` ends sessions and writes everything, `at_once` (immediate) is as good as a crash."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_S)
        self.process = None

    def freeze(self) -> None:
        """Make it silent: connections stay open, nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    def new_database(self) -> str:
        """Make a fresh database; returns its URL. About 7 MB of files each."""
        name = f"database_{next(self._names)}"
        self._execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def new_schema(self) -> str:
        """Make a fresh schema with a role that sees it alone; returns its URL. Cheap: one for each test."""
        name = f"role_{next(self._names)}"
        self._execute(f"CREATE ROLE {name} LOGIN; CREATE SCHEMA {name} AUTHORIZATION {name}")
        return self.url("postgres", user=name)

    def url(self, database: str, *, user: str = "risk") -> str:
        """The URL of a database by the unix socket."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='')}&port={self.port}"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def log(self) -> str:
        """What the server wrote."""
        return (self.folder / "server.log").read_text(errors="replace")

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    def _signal_all(self, signal_: signal.Signals) -> None:
        assert self.process is not None
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        for pid in (parent, *map(int, children)):
            os.kill(pid, signal_)

    def _conninfo(self, database: str) -> str:
        return f"host={self.folder} port={self.port} user=risk dbname={database}"


@contextmanager
def server(*, port: int = 5432, listen: str = "") -> Iterator[Server]:
    """A new server for as long as the block runs, on a unix socket, and on `listen` (127.0.0.1, say) where given."""
    binaries = find()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a unix socket's path is at most 107 bytes
    try:
        if os.geteuid() == 0:
            user = _other_user()
            os.chown(folder, user.pw_uid, user.pw_gid)
        made = Server(folder, binaries, port, listen)
        _run(binaries / "initdb", "-D", str(made.data), "-U", "risk", "-A", "trust", "-E", "UTF8", "--locale=C")
        made.start()
        try:
            yield made
        finally:
            made.stop(at_once=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find() -> Path:
    """The folder of the newest server's binaries: on the path, or where Debian puts them. Raises `Absent`."""
    installed = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").is_file()]
    if installed:
        return max(installed, key=lambda folder: float(folder.parent.name))
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise Absent(INSTALL)


def _run(program: Path, *arguments: str) -> None:
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, check=False, cwd="/", **_as_other_user()
    )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed: {done.stderr.strip()}")


def _as_other_user() -> dict[str, Any]:
    """What makes `subprocess` switch users, for root."""
    if os.geteuid() != 0:
        return {}
    user = _other_user()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}


def _other_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
