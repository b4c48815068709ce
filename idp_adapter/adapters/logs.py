"""Log lines: JSON, one object a line, about requests and decisions; never about people.

What may be on a line is listed here by parameter: ids of requests and decisions, the realm, the hook, level and
answer, durations, error types. No address, user agent, subject, session, telemetry, token or exception message, since
each may hold personal data.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import BinaryIO, Final, cast

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from idp_adapter.adapters import strict_json
from idp_adapter.core.policy import BREAK_GLASS
from idp_adapter.core.strictness import answer_of
from idp_adapter.core.types import Decision

LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_QUOTING: Final = re.compile(r"(Invalid request|Error handling request).*", re.DOTALL)


class Log:
    """Implements the HTTP face's `Logs`. `now` stamps the lines."""

    def __init__(self, stream: BinaryIO, *, level: str, now: Callable[[], datetime]) -> None:
        def stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
            event["time"] = now().isoformat(timespec="milliseconds")
            return event

        self._logger: FilteringBoundLogger = structlog.wrap_logger(
            structlog.BytesLogger(cast("BinaryIO", _Lossy(stream))),
            wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
            processors=[merge_contextvars, structlog.processors.add_log_level, stamp, _render],
        ).bind()

    def begin(self, request_id: str) -> None:
        """Lines of this thread belong to this request from now on."""
        clear_contextvars()
        bind_contextvars(request_id=request_id)

    def decided(self, decision: Decision, *, issuer: str, hook: str, seconds: float) -> None:
        """One decision was answered. That of a break-glass account is a warning."""
        names = [str(reason.params["name"]) for reason in decision.reasons if reason.code == BREAK_GLASS]
        if names:
            self._logger.warning("break_glass", decision_id=decision.id, issuer=issuer, hook=hook, account=names[0])
        self._logger.info(
            "decided",
            decision_id=decision.id,
            issuer=issuer,
            hook=hook,
            risk=decision.risk.level.value,
            answer=answer_of(decision, hook),
            policy=decision.policy_version,
            ms=round(seconds * 1000, 2),
        )

    def rolled_back(self, *, issuer: str) -> None:
        """A reported takeover was undone. Whose is in the database only, under the outcome."""
        self._logger.warning("rolled_back", issuer=issuer)

    def refused(self, *, status: int, code: str, detail: str) -> None:
        """A request was answered by a problem. `detail` names members, never their values."""
        self._logger.warning("refused", status=status, code=code, detail=detail)

    def failed(self, *, error: str, where: list[str]) -> None:
        """The service failed."""
        self._logger.error("failed", error=error, where=where)

    def started(self, *, public_url: str, policy: str, notes: list[str]) -> None:
        """A worker is ready to serve."""
        self._logger.info("started", public_url=public_url, policy=policy, notes=notes)

    def sealed(self, *, issuer: str, number: int, count: int, head: str) -> None:
        """A segment of the audit chain was made; kept elsewhere, this line shows a chain that was cut or rewritten."""
        self._logger.info("sealed", issuer=issuer, segment=number, records=count, head=head)

    def retained(self, deleted: Mapping[str, int]) -> None:
        """The retention job deleted so many rows of each table."""
        if any(deleted.values()):
            self._logger.info("retained", **deleted)


class _Lossy:
    """A stream that loses what can't be written: a full disk, or a reader that went away, must not refuse logins.

    What can't go out stays in the stream's own buffer, which is bounded.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write a line, or lose it."""
        with contextlib.suppress(OSError):
            self._stream.write(line)

    def flush(self) -> None:
        """Send it on its way, as far as that goes."""
        with contextlib.suppress(OSError):
            self._stream.flush()


class ServerLines(logging.Formatter):
    """The HTTP server's own few lines, in the same form. Those about broken requests quote addresses: they are cut."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        line = {
            "event": "server",
            "level": record.levelname.lower(),
            "detail": _QUOTING.sub(r"\1", record.getMessage()),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return strict_json.dumps(line)


def _render(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    return strict_json.dumps(event).encode("ascii")
