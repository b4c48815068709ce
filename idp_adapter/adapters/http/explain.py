"""A decision as text for a person: what was answered, the contributions that sum to its score, and why the policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from idp_adapter.core.policy_explain import Explanation, Finding
from idp_adapter.core.types import Decision, Obligations, Reason, Scalar
from idp_adapter.core.types.facts import Facts


def text(explanation: Explanation) -> str:
    """Several lines, the last without a line break."""
    lines = (*_lines(explanation.decision), "", *_facts(explanation.facts), "", *_policy(explanation))
    return "\n".join(lines)


def _facts(facts: Facts) -> Iterator[str]:
    yield f"asked        {facts.hook} of {facts.client}"
    for name in ("roles", "groups", "factors", "scopes", "networks", "zones", "sites", "devices", "environments"):
        if getattr(facts, name):
            yield f"{name:12} {', '.join(sorted(getattr(facts, name)))}"
    for name in ("roles", "groups"):
        if getattr(facts, f"{name}_cut"):
            yield f"{'cut':12} {name}: a rule counts any of them as the subject's, `unless` none that was not told"
    if facts.demands:
        yield f"{'unmet':12} {facts.demands} step-ups within the budget's window"


def _policy(explanation: Explanation) -> Iterator[str]:
    settings = explanation.settings
    thresholds = ("medium", "high", "refuse_token", "refuse")
    yield "thresholds   " + ", ".join(f"{name} {getattr(settings, name):g}" for name in thresholds)
    for finding in explanation.findings:
        yield f"{finding.kind:12} {finding.name}: {_applies(finding)}"


def _applies(finding: Finding) -> str:
    if finding.unmet is not None:
        return f"does not apply: `{finding.unmet}`"
    asks = ", ".join(f"{name} = {value}" for name, value in finding.asks.items()) or "nothing"
    return f"applies: {asks}{' (by behaviour alone: neither refuses nor ends)' if finding.by_behaviour else ''}"


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
    yield "   nats  source        reason"
    yield f"{risk.prior_nats:+7.3f}  prior"
    for evidence in risk.contributions:
        for reason in evidence.reasons or (Reason("-", evidence.nats),):
            nats = "     - " if evidence.abstains else f"{reason.nats:+7.3f}"
            yield f"{nats}  {evidence.source:13} {_reason(reason)}{' (abstains)' if evidence.abstains else ''}"
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
