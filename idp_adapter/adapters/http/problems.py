"""Errors to RFC 9457 problems: the one place that knows an HTTP status.

A problem says what is wrong (`detail`, naming the member) and how to mend it (`hint`); never a stack trace, never a
value that somebody sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from idp_adapter import errors
from idp_adapter.adapters import strict_json

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """One answer that is not a decision."""

    status: int
    code: str
    title: str
    detail: str = ""
    hint: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def body(self, request_id: str) -> str:
        """The JSON text."""
        members = {
            "type": f"urn:idp-adapter:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "hint": self.hint,
            "request_id": request_id,
        }
        return strict_json.dumps({name: value for name, value in members.items() if value != ""})


_TABLE: Final[tuple[tuple[type[errors.AdapterError], int, str], ...]] = (  # the first that fits
    (errors.RequestTooLarge, 413, "The request is too large"),
    (errors.RequestInvalid, 400, "The request is not valid"),
    (errors.CallerUnauthenticated, 401, "The caller is not authenticated"),
    (errors.CallerForbidden, 403, "The caller may not do this"),
    (errors.NotFound, 404, "Nothing is there"),
    (errors.Unavailable, 503, "A dependency did not answer in time"),
)
_CHALLENGE: Final = 'Bearer realm="idp-adapter", error="invalid_token"'
_BARE_CHALLENGE: Final = 'Bearer realm="idp-adapter"'
_HTTP: Final = {
    400: ("bad_request", "The request is not valid"),
    404: ("not_found", "Nothing is there"),
    405: ("method_not_allowed", "This method is not offered here"),
    413: ("request_too_large", "The request is too large"),
    415: ("unsupported_media_type", "The body must be JSON"),
}
INTERNAL: Final = Problem(
    500,
    "internal",
    "The service failed",
    hint="Look up this request id in the service's log.",
)


def of_error(error: errors.AdapterError) -> Problem:
    """The problem of one of our own errors."""
    for kind, status, title in _TABLE:
        if isinstance(error, kind):
            headers: tuple[tuple[str, str], ...] = ()
            if isinstance(error, errors.CallerUnauthenticated):
                headers = (("WWW-Authenticate", _BARE_CHALLENGE if error.absent else _CHALLENGE),)
            elif status == 503:
                headers = (("Retry-After", "1"),)
            return Problem(status, error.code, title, error.message, error.hint, headers)
    return INTERNAL


def of_status(status: int, *, detail: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Problem:
    """The problem of a plain HTTP failure, such as a path that is not there."""
    code, title = _HTTP.get(status, ("http_error", "The request could not be served"))
    return Problem(status, code, title, detail, headers=headers)
