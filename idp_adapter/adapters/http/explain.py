"""A decision as text for a person: what was answered, and the contributions that sum to its score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from idp_adapter.core.types import Decision, Obligations, Reason, Scalar


def text(decision: Decision) -> str:
    """Several lines, the last without a line break."""
    return "\n".join(_lines(decision))


def _lines(decision: Decision) -> Iterator[str]:
    risk = decision.risk
    yield f"answer      {_answer(decision)}"
    yield f"risk        {risk.level} ({risk.probability:.4f})"
    yield f"policy      {decision.policy_id} {decision.policy_version}"
    for name, value in _obligations(decision.obligations).items():
        yield f"obligation  {name} = {value}"
    for reason in decision.reasons:
        yield f"rule        {_reason(reason)}"
    yield ""
    yield "   nats  source       reason"
    yield f"{risk.prior_nats:+7.3f}  {'prior':12}"
    for evidence in risk.contributions:
        for reason in evidence.reasons or (Reason("-", evidence.nats),):
            nats = "     - " if evidence.abstains else f"{reason.nats:+7.3f}"
            yield f"{nats}  {evidence.source:12} {_reason(reason)}{' (abstains)' if evidence.abstains else ''}"
    yield f"{risk.nats:+7.3f}  sum, the log-odds of {risk.probability:.4f}"


def _answer(decision: Decision) -> str:
    if decision.permitted:
        return "permit"
    if decision.acr_values:
        return f"step up to {' or '.join(decision.acr_values)}; without such a factor: {decision.unenrolled}"
    return "refuse"


def _obligations(obligations: Obligations) -> Mapping[str, Scalar]:
    given: dict[str, Scalar | None] = {
        "access_token_lifespan_s": obligations.access_token_lifespan_s,
        "refresh_token_lifespan_s": obligations.refresh_token_lifespan_s,
        "max_acr": obligations.max_acr,
        "max_age_s": obligations.max_age_s,
        "session": obligations.session,
        "reuse_s": obligations.reuse_s or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _reason(reason: Reason) -> str:
    params = ", ".join(f"{name}={value}" for name, value in reason.params.items())
    return f"{reason.code} {params}".rstrip()
