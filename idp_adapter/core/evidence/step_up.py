"""Step-up: does anything speak against how the code of this session's last step-up was typed?

A login is asked about before the form of the one-time code is shown, so the code's typing comes with the outcome
instead. It is weighed then, beside its own profile and for signs of a script; what speaks against by a nat or more is a
doubt that stays with the session whose class the code raised. The session's next questions hear it: a refresh, or a
single sign-on. Another session hears nothing (ADR 0013), and it never reassures: who typed the code need not be who
asks now. The next step-up of the session settles it anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from idp_adapter.core.evidence import automation, coded
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Doubt, Evidence, History, Reason

SOURCE: Final = "step_up"
LEAST_NATS: Final = 1.0  # what speaks against by less, honest hands give too often
MOST_DOUBTS: Final = 4  # of a subject; the longest past leaves first
SCRIPTED: Final = "step_up_scripted"
UNLIKE: Final = "step_up_unlike_hand"


def doubt(situation: Situation) -> Doubt | None:
    """What speaks against the code whose form is `situation`'s telemetry, in its session; None where nothing does.

    Of the two that look at one typing, the stronger counts.
    """
    sid = situation.request.session.sid
    said = ((automation.score(situation), SCRIPTED), (coded.score(situation), UNLIKE))
    strongest, code = max(said, key=lambda each: each[0].nats)
    if sid is None or strongest.nats < LEAST_NATS:
        return None
    return Doubt(sid, situation.now, code, strongest.nats)


def settled(doubts: tuple[Doubt, ...], sid: str | None, found: Doubt | None) -> tuple[Doubt, ...]:
    """A subject's doubts after a completed step-up of a session, newest first."""
    others = tuple(known for known in doubts if known.sid != sid)
    return (*([found] if found else []), *others)[:MOST_DOUBTS]


def undoubted(history: History) -> History:
    """The history of somebody whose typing nobody may look at any more."""
    return replace(history, habits=replace(history.habits, doubts=())) if history.habits.doubts else history


def score(situation: Situation) -> Evidence:
    """Weigh what is held against the session's step-up."""
    sid = situation.request.session.sid
    known = next((held for held in situation.history.habits.doubts if held.sid == sid), None)
    if sid is None or known is None:
        return Evidence.abstain(SOURCE, "step_up_undoubted", behavioural=True)
    return Evidence(SOURCE, known.nats, (Reason(known.code, known.nats),), behavioural=True)
