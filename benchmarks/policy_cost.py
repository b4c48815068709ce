"""What a policy of fifty rules costs one decision: facts, settings, rules and answer, without evidence or database.

    python -m benchmarks.policy_cost [--rules 50] [--json]

Half of the rules match; a third asks about reasons; eight layers and two environments are looked at.
"""

from __future__ import annotations

import timeit
from datetime import UTC, datetime

from benchmarks import figures
from idp_adapter.adapters.policy_file import parse
from idp_adapter.core.fusion import fuse
from idp_adapter.core.policy import Policy, decide, facts_of
from idp_adapter.core.types import Evidence, Reason, Request, Resource, Session, Signals, Subject, SubjectId

NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
ROUNDS, CALLS = 9, 400
BASE = """
id = "cost"
version = "1"
risk = { prior = 0.01, floor = 0.01, quorum = 2, medium = 0.05, high = 0.2, refuse_token = 0.8, refuse = 0.95 }
lifetimes = { access_token_floor_s = 60, access_token_max_s = 300, refresh_token_floor_s = 600, refresh_token_max_s = 1800 }
[acr]
ladder = ["basic", "mfa", "phr"]
low = "basic"
medium = "basic"
high = "mfa"
step_up_max_age_s = 900
factors = { mfa = ["otp", "webauthn"], phr = ["webauthn"] }
[zones]
office = ["192.0.2.0/24"]
floor = ["192.0.2.128/25"]
[[environment]]
name = "office"
when = { zone = "office" }
sources = { device = 0.5 }
[[environment]]
name = "floor"
when = { zone = "floor" }
factors = ["webauthn"]
"""  # noqa: E501 - one line each is how such tables are written


def policy(rules: int) -> Policy:
    """A policy of so many rules."""
    text = [BASE]
    text += [f'[[layer]]\nname = "l{i}"\nclient = "app{i}"\nrisk = {{ high = 0.1 }}\n' for i in range(8)]
    for i in range(rules):
        client = "app0" if i % 2 else f"other{i}"
        asks = 'reason = ["travel_impossible", "device_unknown"], ' if i % 3 == 0 else 'role = ["payer", "admin"], '
        text.append(
            f'[[rule]]\nname = "r{i}"\nwhen = {{ client = "{client}", {asks} level_at_least = "LOW" }}\n'
            f"effect = {{ access_token_lifespan_s = {100 + i} }}\n"
        )
    return parse("".join(text), name="cost.toml")


def measure(rules: int) -> dict[str, float]:
    """Median of the rounds, microseconds a decision."""
    checked = policy(rules)
    subject = Subject(SubjectId("user", "u"), roles=("payer", "x", "y"), groups=("/a",), factors=("otp",))
    session = Session(sid="s", acr="basic", auth_time=NOW, age_s=10)
    request = Request(
        "https://id.example", subject, "login", Resource("oidc_client", "app0"), time=NOW, session=session
    )
    sources = [Evidence(f"s{i}", 0.3, (Reason("device_unknown" if i == 0 else f"c{i}", 0.3),)) for i in range(8)]
    risk = fuse(sources, checked.scale)
    facts = facts_of(checked, request, Signals(), now=NOW)
    assert decide(checked, facts, risk, decision_id="d").reasons
    timed = {
        "facts_us": lambda: facts_of(checked, request, Signals(), now=NOW),
        "decide_us": lambda: decide(checked, facts, risk, decision_id="d"),
    }
    found = {
        name: sorted(timeit.repeat(call, repeat=ROUNDS, number=CALLS))[ROUNDS // 2] / CALLS * 1e6
        for name, call in timed.items()
    }
    return {"rules": rules, **{name: round(value, 2) for name, value in found.items()}}


def main() -> None:
    """Measure and print."""
    parser = figures.parser(__doc__ or "")
    parser.add_argument("--rules", type=int, default=50)
    options = parser.parse_args()
    found = measure(options.rules)
    text = "  ".join(f"{name} {value:g}" for name, value in found.items())
    figures.report(found, text, as_json=options.json)


if __name__ == "__main__":
    main()
