"""What surrounds every endpoint: request ids, security headers, bounded bodies, problems instead of pages."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import Final, Protocol

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from idp_adapter.adapters.http import problems
from idp_adapter.errors import AdapterError, RequestInvalid, RequestTooLarge, Unavailable

JSON: Final = "application/json"
REQUEST_ID: Final = "X-Request-ID"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
_PASSED_ON: Final = ("Allow", "Retry-After")


class Watches(Protocol):
    """Counts what happens on the way."""

    def refused(self, status: int, code: str) -> None:
        """A request was answered by a problem."""
        ...

    def dependency_unavailable(self, dependency: str) -> None:
        """A dependency did not answer."""
        ...


class Logs(Protocol):
    """Writes log lines without personal data."""

    def begin(self, request_id: str) -> None:
        """Lines of this thread belong to this request from now on."""
        ...

    def refused(self, *, status: int, code: str, detail: str) -> None:
        """A request was answered by a problem."""
        ...

    def failed(self, *, error: str, where: list[str]) -> None:
        """The service failed: the error's type and where it came through, never its message."""
        ...


def apply(app: Flask, *, watcher: Watches, log: Logs, new_id: Callable[[], str], max_body: int) -> None:
    """Put the frame around an application."""
    app.config["MAX_CONTENT_LENGTH"] = max_body
    app.url_map.merge_slashes = False

    def begin() -> None:
        given = request.headers.get(REQUEST_ID, "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else new_id()
        log.begin(g.request_id)

    def end(response: Response) -> Response:
        response.headers[REQUEST_ID] = _request_id(new_id)
        return _dressed(response)

    def ours(error: AdapterError) -> Response:
        if isinstance(error, Unavailable):
            watcher.dependency_unavailable(error.dependency)
        return answer(problems.of_error(error))

    def http(error: HTTPException) -> Response:
        given = error.get_response()
        kept = tuple((name, given.headers[name]) for name in _PASSED_ON if name in given.headers)
        return answer(problems.of_status(error.code or 500, headers=kept))

    def unforeseen(error: Exception) -> Response:
        log.failed(error=type(error).__name__, where=where(error))
        return answer(problems.INTERNAL)

    def answer(problem: problems.Problem) -> Response:
        watcher.refused(problem.status, problem.code)
        log.refused(status=problem.status, code=problem.code, detail=problem.detail)
        response = Response(problem.body(_request_id(new_id)), status=problem.status, content_type=problems.MEDIA_TYPE)
        for name, value in problem.headers:
            response.headers[name] = value
        return response

    app.before_request(begin)
    app.after_request(end)
    app.register_error_handler(AdapterError, ours)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unforeseen)


def json_body() -> bytes:
    """The body of a request that must be JSON.

    Raises `MediaTypeRefused`, `RequestInvalid` or `RequestTooLarge`.
    """
    data = request.get_data(cache=False)
    limit = request.max_content_length
    if limit is not None and len(data) >= limit and request.content_length is None:  # chunked, and cut off there
        raise RequestTooLarge(f"the body is longer than {limit} bytes", hint="Send less.")
    media_type = request.mimetype
    if media_type != JSON and (data or media_type):
        raise MediaTypeRefused
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise RequestInvalid("the body's charset must be UTF-8", hint="Send UTF-8, as RFC 8259 says.")
    return data


def json_response(body: str | bytes, *, status: int = 200) -> Response:
    """JSON text as an answer."""
    return Response(body, status=status, content_type=JSON)


class MediaTypeRefused(HTTPException):
    """The body is not declared as JSON."""

    code = 415


def _dressed(response: Response) -> Response:
    headers = response.headers
    headers.extend(_HEADERS)
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    if request.method == "OPTIONS" and response.status_code == 200:
        response.status_code = 204
        headers.pop("Content-Type", None)
    return response


def _request_id(new_id: Callable[[], str]) -> str:
    if "request_id" not in g:
        g.request_id = new_id()
    return str(g.request_id)


def where(error: Exception) -> list[str]:
    """The last files and lines that an error came through; its message may hold what no log may."""
    return [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-12:]]
