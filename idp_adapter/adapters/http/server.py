"""Serve the application by gunicorn: threads with keep-alive, one application per worker, made after the fork."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from gunicorn import glogging, util  # type: ignore[import-untyped]
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.http import wsgi  # type: ignore[import-untyped]

from idp_adapter.adapters.http.worker import StayingWorker
from idp_adapter.adapters.logs import ServerLines
from idp_adapter.errors import AdapterError

KEEP_ALIVE_S: Final = 75
_ALLOCATIONS_BEFORE_GC: Final = 10_000  # a decision makes thousands of objects, none of them in a cycle
CANNOT_START: Final = 4  # a worker that exits so makes gunicorn stop rather than try again


class _Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Writes gunicorn's lines as ours."""

    def setup(self, cfg: Any) -> None:
        """Replace the form of the error log's lines."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(ServerLines())


class Worker(Protocol):
    """What one worker process runs."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """The WSGI application."""
        ...

    def close(self) -> None:
        """Finish pending work."""
        ...


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """A gunicorn arbiter that needs no configuration file. `make` builds the application, in each worker.

    With `is_handed_sockets` it serves on those, and `bind` is not looked at.
    """

    def __init__(
        self,
        make: Callable[[], Worker],
        *,
        bind: str,
        workers: int,
        threads: int,
        is_handed_sockets: bool = False,
    ) -> None:
        self._make = make
        self._is_handed_sockets = is_handed_sockets
        self._worker: Worker | None = None
        self._unsaid = _one_turn()
        self._options: dict[str, object] = {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_class": StayingWorker,
            "keepalive": KEEP_ALIVE_S,
            "timeout": 30,
            "graceful_timeout": 10,
            "preload_app": False,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "warning",
            "logger_class": _Logger,
            "proc_name": "idp-adapter",
            "control_socket_disable": True,
            "forwarded_allow_ips": "",
            "limit_request_line": 2048,
            "limit_request_fields": 50,
            "worker_exit": lambda server, worker: self._close(),
        }
        super().__init__()

    def run(self) -> None:
        """Serve until told to stop. Where nothing can listen, one sentence and an exit code instead of five tries."""
        if not self._is_handed_sockets and (problem := _listening_problem(str(self._options["bind"]))):
            _say(f"The service can't start: {problem}")
            raise SystemExit(CANNOT_START)
        super().run()

    def load_config(self) -> None:
        """Set what this gunicorn knows; older ones have no control socket to switch off."""
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Worker:
        """The application of this worker. One that can't be made stops the whole server, with one sentence.

        Of several workers one says it and stops the server: two that did would have gunicorn fail while it stops.
        """
        wsgi.SERVER = "idp-adapter"  # says less than the default
        try:
            self._worker = self._make()
        except AdapterError as error:
            try:
                os.read(self._unsaid, 1)
            except BlockingIOError:
                raise SystemExit(0) from None
            _say(f"The service can't start: {error.sentences}")
            raise SystemExit(CANNOT_START) from None
        gc.collect()
        gc.freeze()  # else each full collection walks all that was imported: a pause of 45 ms for every caller
        gc.set_threshold(_ALLOCATIONS_BEFORE_GC)
        return self._worker

    def _close(self) -> None:
        if self._worker is not None:
            self._worker.close()


def _listening_problem(bind: str) -> str:
    """Why nothing can listen there, or nothing."""
    host, port = util.parse_address(bind)
    with socket.socket(socket.AF_INET6 if util.is_ipv6(host) else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return f"nothing can listen on {bind}: {error.strerror}. End what does, or set another IDP_ADAPTER_BIND."
    return ""


def _say(sentence: str) -> None:
    """To standard error, past its buffer: where nobody reads it, the exit code has to be told all the same.

    A worker that ended with another code would be started again, without end.
    """
    with suppress(OSError):
        os.write(2, f"{sentence}\n".encode())


def _one_turn() -> int:
    """A descriptor from which one of all the processes that inherit it reads a byte; the others' reads would block."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.write(writer, b".")
    return reader
