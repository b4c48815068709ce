"""gunicorn's threaded worker, whose threads stay with a connection for a while after an answer.

gunicorn hands every kept connection back to its one polling thread, which hands the next request to another thread. On
an idle machine each hand-over is a wake-up of a cold thread: together .4 of the 3.1 ms that a lone decision takes
(`python -m benchmarks.latency`). At most half of the threads stay so, so that new connections always find one.
"""

from __future__ import annotations

import select
import threading
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

STAY_S: Final = 5.0
_LOOK_S: Final = 0.5  # how often a waiting thread looks whether the worker is stopping


class StayingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """Serves a connection's next request on the same thread where it comes soon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_stay = threading.BoundedSemaphore(max(1, self.cfg.threads // 2)) if self.cfg.threads > 1 else None

    def handle(self, conn: Any) -> Any:
        """Serve requests of one connection; what is returned is for gunicorn's poller."""
        result = super().handle(conn)
        if result is not True or self._may_stay is None or not self._may_stay.acquire(blocking=False):
            return result
        try:
            while result is True and self._more(conn):
                result = super().handle(conn)
        finally:
            self._may_stay.release()
        return result

    def _more(self, conn: Any) -> bool:
        """Whether the connection's next request begins within the time to stay."""
        if conn.parser.unreader.buf.getvalue():  # read ahead already; gunicorn knows what to do
            return False
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        waits = int(STAY_S / _LOOK_S)
        return any(self.alive and poll.poll(_LOOK_S * 1000) for _ in range(waits))
