"""What an enforcer does with the service's answer, in one word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

FACTORS: Final = {"urn:idp-adapter:acr:mfa": {"otp", "webauthn"}, "phr": {"webauthn"}}  # what the demo realm accepts


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it was enforced: the action, the class that a step-up needs, and why, in nats."""

    action: str
    acr: str = ""
    level: str = ""
    score: float = 0.0
    decision_id: str = ""
    reasons: tuple[tuple[str, float], ...] = ()

    @classmethod
    def rejected(cls, why: str) -> Answer:
        """The question, or the answer to it, was not accepted at all."""
        return cls("reject", reasons=((why, 0.0),))

    @classmethod
    def of_report(cls, action: str) -> Answer:
        """What became of a report."""
        return cls(action)

    @property
    def codes(self) -> frozenset[str]:
        """The reason codes."""
        return frozenset(code for code, _ in self.reasons)

    def strongest(self, most: int = 3) -> str:
        """The reasons that weigh most, with their nats."""
        ranked = sorted(self.reasons, key=lambda reason: -abs(reason[1]))
        told = [f"{code} {nats:+.1f}" if nats else code for code, nats in ranked if code != "prior"]
        return ", ".join(told[:most])


def answered(evaluation: Mapping[str, Any], hook: str, factors: Sequence[str], session_acr: str | None) -> Answer:
    """What Keycloak's extension does with an evaluation for a subject who has these factors."""
    context = evaluation["context"]
    reasons = tuple((item["code"], item["nats"]) for item in context["reason_admin"])
    asked = context.get("acr_values", ())
    action = _action(evaluation["decision"], context, hook, asked, factors, session_acr)
    if action == "refuse" and asked and hook == "login":
        reasons = (*reasons, ("unenrolled", 0.0))
    return Answer(
        action=action,
        acr=asked[0] if asked and action == "step-up" else "",
        level=context["risk"]["level"],
        score=context["risk"]["score"],
        decision_id=context["decision_id"],
        reasons=reasons,
    )


def _action(
    permitted: bool,
    context: Mapping[str, Any],
    hook: str,
    asked: Sequence[str],
    factors: Sequence[str],
    session_acr: str | None,
) -> str:
    obligations = context["obligations"]
    if obligations["session"] != "keep":
        return "end"
    if not permitted:
        if not asked or hook != "login":
            return "refuse"
        if FACTORS.get(asked[0], set()).isdisjoint(factors):  # nobody may enrol in a risky session
            return "refuse" if context["unenrolled"] == "deny" else "limit"
        return "step-up"
    is_limited = any(item["code"] == "limited" for item in context["reason_admin"])
    if is_limited or obligations.get("max_acr") not in (None, session_acr):
        return "limit"
    return "shorten" if "access_token_lifespan_s" in obligations else "permit"
