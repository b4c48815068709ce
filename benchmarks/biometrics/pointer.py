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

*Calibration*: the same with runs of 16 actions, as a login has at most. The Cllr of the nats as they are, and under the
affine map that the other people's scorings give, per subject, then the mean.

Two backgrounds: what ships, which has seen none of these people, and `Background.of` the other subjects' profiles.
Nothing that ships is fitted on Balabit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.biometrics.data import Rows, Session
from benchmarks.biometrics.measures import auc, best_map, cllr, eer, least_cllr
from idp_adapter.core.evidence.pointed import MOST_ACTIONS
from idp_adapter.core.evidence.pointer import SHIPPED, Background, Pointer, Profile, Run, weigh_run
from idp_adapter.core.evidence.pointer_actions import cut

RUN = 30
PLACES = 5  # from where few actions in a row are taken


@dataclass(frozen=True)
class Subject:
    """Actions in training, in order; and of each labelled test session."""

    training: list[Rows]
    tests: list[tuple[bool, list[Rows]]]  # illegal, actions

    def runs(self, size: int = RUN) -> list[list[Rows]]:
        """Legal test sessions in runs of so many actions."""
        legal = [actions for illegal, actions in self.tests if not illegal]
        return [own[i : i + size] for own in legal for i in range(0, len(own) - size + 1, size)]


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


@dataclass(frozen=True)
class Scored:
    """One subject beside one impostor, under one profile: nats of the runs of each."""

    who: int
    foe: int
    own: Rows
    other: Rows


def opened(people: list[Subject], enrolment: Enrolment, background: Made) -> tuple[Rows, Rows]:
    """EER per subject, and per pair of subject and impostor, of runs of 30 actions."""
    per_subject, per_pair = [], []
    for found in _scored(people, enrolment, background, RUN):
        per_pair += [eer(pair.own, pair.other) for pair in found]
        per_subject.append(eer(*_sides(found)))
    return np.array(per_subject), np.array(per_pair)


def calibrated(people: list[Subject], enrolment: Enrolment, background: Made) -> tuple[Rows, Rows, Rows]:
    """Cllr per subject of a login's runs, as they are and under others' map; and those maps: slope, offset."""
    pairs = [pair for found in _scored(people, enrolment, background, MOST_ACTIONS) for pair in found]
    plain, mapped, maps = [], [], []
    for who in range(len(people)):
        slope, offset = best_map(*_sides([pair for pair in pairs if who not in (pair.who, pair.foe)]))
        own, other = _sides([pair for pair in pairs if pair.who == who])
        plain.append(cllr(own, other))
        mapped.append(cllr(slope * own + offset, slope * other + offset))
        maps.append((slope, offset))
    return np.array(plain), np.array(mapped), np.array(maps)


def _sides(pairs: Sequence[Scored]) -> tuple[Rows, Rows]:
    """All scorings of owners, and all of impostors."""
    return np.concatenate([pair.own for pair in pairs]), np.concatenate([pair.other for pair in pairs])


def _scored(people: list[Subject], enrolment: Enrolment, background: Made, size: int) -> Iterator[list[Scored]]:
    """For each subject and enrolment, the subject beside every impostor."""
    whole = [Pointer().profile(person.training) for person in people]
    runs = [[Run.of(run) for run in person.runs(size)] for person in people]
    for who, person in enumerate(people):
        for enrolled in enrolment(person.training):
            profile = Pointer().profile(enrolled)
            found = []
            for foe in range(len(people)):
                if foe != who:
                    model = Pointer(background=background([p for i, p in enumerate(whole) if i not in (who, foe)]))
                    own, other = (
                        np.array([weigh_run(model.score_actions(profile, run)) for run in runs[i]]) for i in (who, foe)
                    )
                    found.append(Scored(who, foe, own, other))
            yield found
