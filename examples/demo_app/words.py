"""What claims mean, in words for a person. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACR = {
    "urn:idp-adapter:acr:basic": ("Basic", "A password, or a sign-in from earlier today"),
    "urn:idp-adapter:acr:mfa": ("Two factors", "A password and a one-time code"),
    "phr": ("Phishing-resistant", "A passkey or a security key"),
    "0": ("Stale", "Only an earlier sign-in that has grown old"),
}
AMR = {
    "pwd": "password",
    "otp": "one-time code",
    "rba": "risk check",
    "hwk": "security key",
    "swk": "passkey",
    "mfa": "several factors",
    "user": "user present",
}
RISK = {
    "LOW": "Nothing unusual about this sign-in",
    "MEDIUM": "Something about this sign-in is unusual",
    "HIGH": "Much about this sign-in is unusual",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page shows of a login's tokens."""

    acr: str
    acr_title: str
    acr_words: str
    methods: str
    auth_time: str
    risk: str | None
    risk_words: str
    access: str
    refresh: str


def facts(claims: Mapping[str, Any], *, access_s: int | None, refresh_s: int | None) -> Facts:
    """The facts of a login; lifetimes are those that its tokens had when they came."""
    acr = str(claims.get("acr", ""))
    title, meaning = ACR.get(acr, (acr or "None", "This app does not know this class"))
    level = _risk_level(claims.get("risk"))
    amr = claims.get("amr")
    methods = [AMR.get(str(one), str(one)) for one in amr] if isinstance(amr, list) else []
    return Facts(
        acr=acr,
        acr_title=title,
        acr_words=meaning,
        methods=", ".join(methods) or "not said",
        auth_time=moment(claims.get("auth_time")),
        risk=level,
        risk_words=RISK.get(level or "", "The tokens say nothing about risk"),
        access=duration(access_s),
        refresh=duration(refresh_s),
    )


def _risk_level(risk: object) -> str | None:
    level = risk.get("level") if isinstance(risk, dict) else risk
    return level if isinstance(level, str) else None


def duration(seconds: int | None) -> str:
    """Such as "5 minutes", "1 hour 30 minutes"."""
    if seconds is None:
        return "not said"
    if seconds <= 0:
        return "as long as the session"
    parts = []
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts[:2])


def moment(epoch_s: object) -> str:
    """A time of day in UTC, with its date."""
    if isinstance(epoch_s, bool) or not isinstance(epoch_s, int | float):
        return "not said"
    return datetime.datetime.fromtimestamp(epoch_s, datetime.UTC).strftime("%H:%M:%S UTC, %d %B %Y")
