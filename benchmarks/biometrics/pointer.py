"""The protocols of the pointer on Balabit (A. Fulop and others, 2016), by the model's plain door alone.

*Closed set*: the challenge's own task. A subject enrols on all own training sessions; each labelled test session is one
run that claims to be the subject's, and its figure is `weigh_run`. AUC over all sessions with one threshold for all.
Whoever had the illegal sessions may be in the background of a deployment, as in any service whose users try each
other's accounts.

*Open set*: a subject enrols on the last 5,000 training actions; or on 100 spread evenly over them, as logins would
teach them; or on 100 in a row from five places in them, as one long sitting would. Runs of 30
actions, none across two sessions, of the subject's legal test sessions against those of every other subject. Each
impostor's nine scorings are against a background from the eight who are neither subject nor impostor. Two EERs: per
subject over all runs with one threshold, then the mean; and per pair of subject and impostor, then the mean.

Two backgrounds: what ships, which has seen none of these people, and `Background.of` the other subjects' profiles.
Nothing that ships is fitted on Balabit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.biometrics.data import Rows, Session
from benchmarks.biometrics.measures import auc, cllr, eer, least_cllr
from idp_adapter.core.evidence.pointer import SHIPPED, Background, Pointer, Profile, weigh_run
from idp_adapter.core.evidence.pointer_actions import cut

RUN = 30
PLACES = 5  # from where few actions in a row are taken


@dataclass(frozen=True)
class Subject:
    """Actions in training, in order; and of each labelled test session."""

    training: list[Rows]
    tests: list[tuple[bool, list[Rows]]]  # illegal, actions

    def runs(self) -> list[list[Rows]]:
        """Legal test sessions in runs of 30 actions."""
        legal = [actions for illegal, actions in self.tests if not illegal]
        return [own[i : i + RUN] for own in legal for i in range(0, len(own) - RUN + 1, RUN)]


@dataclass(frozen=True)
class Figures:
    """AUC with one threshold and the mean per subject; calibration in bits; or EERs."""

    auc: float
    per_subject: Rows
    excess_bits: float


def subjects(sessions: tuple[list[Session], list[Session]]) -> list[Subject]:
    """Balabit's sessions as actions by subject."""
    training, tests = sessions
    made = []
    for user in sorted({session.user for session in training}):
        own = [action for session in training if session.user == user for action in cut(session.places, session.kinds)]
        tried = [(each.illegal, cut(each.places, each.kinds)) for each in tests if each.user == user]
        made.append(Subject(own, tried))
    return made


Made = Callable[[Sequence[Profile]], Background]


def shipped(profiles: Sequence[Profile]) -> Background:
    """What ships, whoever else there is."""
    return SHIPPED


def closed(people: list[Subject], background: Made) -> Figures:
    """The challenge's task: AUC of test sessions against the subject that they claim."""
    profiles = [Pointer().profile(person.training) for person in people]
    genuine, foreign = [], []
    for who, person in enumerate(people):
        model = Pointer(background=background([p for i, p in enumerate(profiles) if i != who]))
        found = [(illegal, weigh_run(model.score_actions(profiles[who], run))) for illegal, run in person.tests]
        genuine.append(np.array([nats for illegal, nats in found if not illegal]))
        foreign.append(np.array([nats for illegal, nats in found if illegal]))
    own, other = np.concatenate(genuine), np.concatenate(foreign)
    each = np.array([auc(a, b) for a, b in zip(genuine, foreign, strict=True)])
    return Figures(auc(own, other), each, cllr(own, other) - least_cllr(own, other))


Enrolment = Callable[[list[Rows]], list[list[Rows]]]


def last(actions: list[Rows]) -> list[list[Rows]]:
    """The last 5,000 actions."""
    return [actions[-5_000:]]


def spread(actions: list[Rows]) -> list[list[Rows]]:
    """Five times 100 actions, evenly over all."""
    step = len(actions) // 100
    return [actions[first : first + 100 * step : step] for first in range(0, step, max(step // PLACES, 1))][:PLACES]


def in_a_row(actions: list[Rows]) -> list[list[Rows]]:
    """Five times 100 actions in a row, from the first to the last."""
    final = len(actions) - 100
    return [actions[first : first + 100] for first in (final * i // (PLACES - 1) for i in range(PLACES))]


def opened(people: list[Subject], enrolment: Enrolment, background: Made) -> tuple[Rows, Rows]:
    """EER per subject, and per pair of subject and impostor, of runs of 30 actions."""
    whole = [Pointer().profile(person.training) for person in people]
    runs = [person.runs() for person in people]
    per_subject, per_pair = [], []
    for who, person in enumerate(people):
        for enrolled in enrolment(person.training):
            profile = Pointer().profile(enrolled)
            own, other = [], []
            for foe in range(len(people)):
                if foe != who:
                    known = [p for i, p in enumerate(whole) if i not in (who, foe)]
                    model = Pointer(background=background(known))
                    own.append(np.array([weigh_run(model.score_actions(profile, run)) for run in runs[who]]))
                    other.append(np.array([weigh_run(model.score_actions(profile, run)) for run in runs[foe]]))
                    per_pair.append(eer(own[-1], other[-1]))
            per_subject.append(eer(np.concatenate(own), np.concatenate(other)))
    return np.array(per_subject), np.array(per_pair)
