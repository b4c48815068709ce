"""Facts of a decision as a stored document and back: what a replay needs beside the columns that the row has anyway.

The document holds no ages and no times, so that equal ones are equal texts; what is empty is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from idp_adapter.adapters.sql import codec
from idp_adapter.core.types import Scalar, Shadow, SubjectId
from idp_adapter.core.types.facts import Facts

_SETS: Final = ("roles", "groups", "factors", "scopes", "networks", "zones", "sites", "devices", "environments")
_PLAIN: Final = (
    "roles_cut",
    "groups_cut",
    "session_acr",
    "is_offline",
    "access_token_s",
    "refresh_token_s",
    "is_exempt",
    "is_volunteer",
    "demands",
)
_SHADOW: Final = ("policy_id", "policy_version", "difference", "answer", "acr", "access_token_s", "refresh_token_s")


def to_columns(facts: Facts | None) -> dict[str, codec.Bound]:
    """The columns of facts; all null where a decision came without."""
    if facts is None:
        return {"facts": None, "auth_age_s": None, "session_age_s": None}
    kept: dict[str, Any] = {name: sorted(values) for name in _SETS if (values := getattr(facts, name))}
    kept |= {name: value for name in _PLAIN if (value := getattr(facts, name))}
    if facts.properties:
        kept["properties"] = [list(pair) for pair in facts.properties]
    return {
        "facts": codec.dumps("facts", {"v": codec.VERSION, **kept}),
        "auth_age_s": _bounded(facts.auth_age_s),
        "session_age_s": _bounded(facts.session_age_s),
    }


def from_columns(columns: Mapping[str, Any]) -> Facts | None:
    """Facts of a row, without hour and day, which follow from its time; None where it has none."""
    return None if columns["facts"] is None else from_document(columns)


def from_document(columns: Mapping[str, Any]) -> Facts:
    """Facts of a row that has them. Bad data raises Python's own errors."""
    document = codec.versioned(columns["facts"])
    members: dict[str, Any] = {name: frozenset(document.get(name, ())) for name in _SETS}
    members |= {name: document[name] for name in _PLAIN if name in document}
    members["properties"] = tuple((path, _scalar(value)) for path, value in document.get("properties", ()))
    return Facts(
        hook=columns["hook"],
        realm=columns["issuer"],
        client=columns["client"],
        subject=SubjectId(columns["subject_type"], columns["subject_id"]),
        country=columns["country"] or "",
        auth_age_s=columns["auth_age_s"],
        session_age_s=columns["session_age_s"],
        **members,
    )


def is_volunteer(value: Any) -> bool:
    """Whether the facts of a decision, as stored, say that its subject agreed to count in a background.

    Bad data raises Python's own errors.
    """
    return codec.versioned(value).get("is_volunteer") is True


def _scalar(value: Any) -> Scalar:
    return tuple(value) if isinstance(value, list) else value


def shadow_to_text(shadow: Shadow | None) -> str | None:
    """A candidate's answer."""
    if shadow is None:
        return None
    return codec.dumps("shadow", {"v": codec.VERSION, **{name: getattr(shadow, name) for name in _SHADOW}})


def shadow_from(value: Any) -> Shadow | None:
    """What `shadow_to_text` wrote."""
    if value is None:
        return None
    document = codec.versioned(value)
    return Shadow(**{name: document[name] for name in _SHADOW})


def _bounded(age_s: int | None) -> int | None:
    """Within a column of four bytes: an age of decades is as good as any."""
    return None if age_s is None else max(-(2**31), min(age_s, 2**31 - 1))
