"""Child processes: each in its own group with a log file, so that a wrapper and its child end together.

Ports of this machine, and whether something answers there.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from tools.console import Stop

LOOPBACK = "127.0.0.1"
_GOOD_STATUS = re.compile(rb"HTTP/1\.[01] [23]\d\d")
_STATUS_LENGTH = 12


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment with `extra`, without what would leak settings into a child."""
    dropped = ("IDP_ADAPTER_", "KC_", "KEYCLOAK_", "JAVA_OPTS")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | extra


def require_free(port: int, what: str) -> None:
    """Stop with a sentence when something already listens on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            raise Stop(f"Port {port} is taken, and {what} needs it: end what listens there and try again.") from None


def free_port() -> int:
    """Return a loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def answers(url: str, timeout_s: float = 1) -> bool:
    """Whether a server on this machine answers a GET of `url`, by success or redirection, within `timeout_s` in all.

    A redirection is not followed. Raises ValueError where `url` is not `http://127.0.0.1:<port>` and what follows.
    """
    parts = urlsplit(url)
    if (parts.scheme, parts.hostname) != ("http", LOOPBACK) or parts.port is None:
        raise ValueError(f"{url} is not on this machine: give http://{LOOPBACK}:<port>")
    target = parts._replace(scheme="", netloc="").geturl() or "/"
    asked = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    end = time.monotonic() + timeout_s
    begin = b""
    try:
        with socket.create_connection((LOOPBACK, parts.port), timeout=timeout_s) as connection:
            connection.sendall(asked.encode())
            while (left_s := end - time.monotonic()) > 0:
                connection.settimeout(left_s)  # of one read: a server that drips would hold us longer
                data = connection.recv(65536)
                if not data:
                    return _GOOD_STATUS.match(begin) is not None
                begin = (begin + data)[:_STATUS_LENGTH]
    except OSError:
        return False
    return False


class Child:
    """A started program. `stop()` ends its whole process group, politely first."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The wrapper's process id, which is also its group's."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the program has ended by itself."""
        return self._process.poll() is not None

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float, every_s: float = 0.1) -> None:
        """Wait for `ready`; stop with the end of the log when the program ends or takes too long."""
        end = time.monotonic() + timeout_s
        while not ready():
            if self.ended:
                raise Stop(f"{self.name} ended with status {self._process.returncode}. Its last words:\n{self.tail()}")
            if time.monotonic() > end:
                raise Stop(f"{self.name} was not ready after {timeout_s:.0f} s. Its last words:\n{self.tail()}")
            time.sleep(every_s)

    def tail(self, lines: int = 25) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    def pause(self) -> None:
        """Freeze the whole group: it keeps its port and answers nothing."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Thaw the group."""
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self, *, grace_s: float = 8.0) -> None:
        """End the group: ask, wait, insist."""
        for wanted, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, wanted)
            end = time.monotonic() + wait_s
            while time.monotonic() < end:
                self._process.poll()
                if not _group_lives(self.pid):
                    return
                time.sleep(0.05)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def terminate_like_interrupt() -> None:
    """Make SIGTERM end the tool as Ctrl-C does, so that children are ended too."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def run(command: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str] | None = None, what: str) -> None:
    """Run a program to its end, its output into `log`; stop with the log's end when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        given = None if env is None else dict(env)
        ended = subprocess.run(list(command), cwd=cwd, env=given, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
    if ended.returncode:
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-25:])
        raise Stop(f"{what} failed with status {ended.returncode}. Its last words:\n{tail}")
