"""Any text on Aalto's desktop typing: people who typed sentences that differ each time, all in one sitting.

Sentences are cut into samples of so many keys. A profile learns the first so many of a person's samples; the next ten
are genuine, the last sample of every other tested person an impostor's. The background is fitted on 200 people (what
our command asks for at least) who are not tested, samples of at most 25 keys. Beside ours:

- *classes known*: the same model, each time beside what is usual for its class of key, which our browser never tells:
  coarse (letter, digit, space, backspace, other) or true digraphs;
- *digraph PLDA*: the upper bound, a linear PLDA on each person's mean residual of each key's hold and each digraph's
  gap, of 800 people who are not tested;
- *fixed text*: the scorer of passwords, as if the text were always the same.

Nothing that ships is fitted on this data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks.biometrics.data import Rows, Sentence
from benchmarks.biometrics.protocols import Trial
from idp_adapter.core.evidence.any_text import AnyText, Background, Profile
from idp_adapter.core.evidence.keystroke import FixedText

TESTED, FITTED = 400, 200
GENUINE = 10
LONGEST_FITTED = 25  # keys of a sample, so that a person has ten of them
COMMON = 40  # classes of digraphs that the bound tells apart; so many keys' holds beside

Person = list[Sentence]
ClassOf = Callable[[int, int], Hashable]  # of a key after another; the first key's other is 0


@dataclass(frozen=True)
class People:
    """Who is tested, and who is not: the first 200 of them make backgrounds."""

    tested: list[Person]
    others: list[Person]


def drawn(people: Sequence[Person], seed: int = 0) -> People:
    """Tested and other people, by chance."""
    order = np.random.default_rng(seed).permutation(len(people))
    return People([people[i] for i in order[:TESTED]], [people[i] for i in order[TESTED:]])


def cut(person: Person, keys: int) -> list[Sentence]:
    """A person's sentences in samples of so many keys, in their order."""
    return [part.between(i, i + keys) for part in person for i in range(0, len(part.keys) - keys + 1, keys)]


@dataclass(frozen=True)
class Usual:
    """Mean logarithms of hold and gap of each class less those of all, rare classes drawn to 0."""

    class_of: ClassOf
    holds: dict[Hashable, float]
    gaps: dict[Hashable, float]

    @classmethod
    def of(cls, people: Sequence[Person], class_of: ClassOf) -> Usual:
        """What is usual of these people."""
        holds: dict[Hashable, list[float]] = {}
        gaps: dict[Hashable, list[float]] = {}
        for sentence in (part for person in people for part in person):
            for i, key in enumerate(sentence.keys):
                holds.setdefault(class_of(key, 0), []).append(float(np.log(sentence.holds[i])))
            for i, pair in enumerate(pairwise(sentence.keys)):
                gaps.setdefault(class_of(pair[1], pair[0]), []).append(float(np.log(sentence.gaps[i])))
        return cls(class_of, _apart(holds), _apart(gaps))

    def row(self, sample: Sentence) -> Rows:
        """A sample's row, its times as they would be on usual keys."""
        row = sample.row()
        row[0::2] *= np.exp([-self.holds.get(self.class_of(key, 0), 0.0) for key in sample.keys])
        pairs = pairwise(sample.keys)
        row[1::2] *= np.exp([-self.gaps.get(self.class_of(after, before), 0.0) for before, after in pairs])
        return row


def _apart(values: dict[Hashable, list[float]]) -> dict[Hashable, float]:
    mean = float(np.mean([value for found in values.values() for value in found]))
    return {name: (float(np.mean(found)) - mean) * len(found) / (len(found) + 50) for name, found in values.items()}


def digraph(key: int, before: int) -> Hashable:
    """True classes."""
    return before, key


def coarse(key: int, before: int) -> Hashable:
    """What a browser could tell of fields that are no secrets: JavaScript's codes by kind."""
    return _kind(before), _kind(key)


def _kind(key: int) -> str:
    if 65 <= key <= 90:
        return "letter"
    if 48 <= key <= 57:
        return "digit"
    return {32: "space", 8: "backspace", 0: ""}.get(key, "other")


def ours(people: People, keys: int, class_of: ClassOf | None = None) -> tuple[AnyText, list[list[Rows]]]:
    """The model on a background of others, and the rows of those tested."""
    fitted = people.others[:FITTED]
    usual = Usual.of(fitted, class_of) if class_of else None

    def rows(person: Person, size: int) -> list[Rows]:
        return [usual.row(sample) if usual else sample.row() for sample in cut(person, size)]

    known = [AnyText().profile(rows(person, min(keys, LONGEST_FITTED))[:40]) for person in fitted]
    return AnyText(Background.of(known)), [rows(person, keys) for person in people.tested]


def trials(model: AnyText, rows: Sequence[Sequence[Rows]], enrolled: int) -> list[Trial]:
    """Scores of those who typed enough, against profiles of so many samples."""

    def score(known: Sequence[Rows], tested: Sequence[Rows]) -> Rows:
        profile: Profile = model.profile(known)
        return model.score_samples(profile, tested)

    return _tried(rows, enrolled, score)


def fixed(rows: Sequence[Sequence[Rows]], enrolled: int) -> list[Trial]:
    """The same by the scorer of passwords."""
    model = FixedText()
    return _tried(rows, enrolled, lambda known, tested: model.score_rows(model.profile(known), np.array(tested)))


def _tried(
    rows: Sequence[Sequence[Rows]], enrolled: int, score: Callable[[Sequence[Rows], Sequence[Rows]], Rows]
) -> list[Trial]:
    able = [own for own in rows if len(own) >= enrolled + GENUINE // 2]
    lasts = [own[-1] for own in able]
    found = []
    for who, own in enumerate(able):
        genuine = score(own[:enrolled], own[enrolled:][-GENUINE:])
        foreign = score(own[:enrolled], lasts[:who] + lasts[who + 1 :])
        found.append(Trial(genuine, foreign, foreign))
    return found


# --- the upper bound ---


@dataclass(frozen=True)
class Residuals:
    """Mean residuals of some typing by class, (classes,), and how often each was typed."""

    means: Rows
    counts: Rows


@dataclass(frozen=True)
class DigraphPlda:
    """Residuals of people are Gaussian over classes with covariance `between`; one typing scatters by `noise`."""

    usual: Usual
    names: dict[Hashable, int]
    noise: Rows
    between: Rows

    @classmethod
    def of(cls, people: Sequence[Person]) -> DigraphPlda:
        """The model of these people."""
        usual = Usual.of(people, digraph)
        keys, pairs = Counter[int](), Counter[tuple[int, int]]()
        for sentence in (part for person in people for part in person):
            keys.update(map(int, sentence.keys))
            pairs.update((int(a), int(b)) for a, b in pairwise(sentence.keys))
        common: list[Hashable] = [("hold", key) for key, _ in keys.most_common(COMMON // 2)]
        common += [("gap", pair) for pair, _ in pairs.most_common(COMMON)]
        names: dict[Hashable, int] = {name: i for i, name in enumerate([*common, "other holds", "other gaps"])}
        empty = cls(usual, names, np.ones(len(names)), np.eye(len(names)))
        raw = [empty.observed(person) for person in people]
        noise = np.array([np.var(np.concatenate([own[i] for own in raw])) + 1e-3 for i in range(len(names))])
        each = [_means(own) for own in raw]
        counts = np.array([found.counts for found in each])
        shrunken = np.array([found.means for found in each]) * counts / (counts + 2)
        return cls(usual, names, noise, np.cov(shrunken.T) + 1e-4 * np.eye(len(names)))

    def observed(self, typed: Sequence[Sentence]) -> list[Rows]:
        """Residuals by class."""
        found: list[list[float]] = [[] for _ in self.names]
        for sample in typed:
            row = np.log(self.usual.row(sample))
            for i, key in enumerate(sample.keys):
                found[self.names.get(("hold", int(key)), self.names["other holds"])].append(row[2 * i] + 2.3)
            for i, (a, b) in enumerate(pairwise(sample.keys)):
                place = self.names.get(("gap", (int(a), int(b))), self.names["other gaps"])
                found[place].append(float(np.clip(row[2 * i + 1] + 1.8, -1.5, 1.5)))
        return [np.array(values) for values in found]

    def residuals(self, typed: Sequence[Sentence]) -> Residuals:
        """Mean residuals of some typing."""
        return _means(self.observed(typed))

    def scores(self, known: Sequence[Sentence], tested: Sequence[Residuals]) -> Rows:
        """Log-likelihood ratios of typings to come from the hand of `known`."""
        own = self.residuals(known)
        gain = np.linalg.inv(np.eye(len(self.noise)) + self.between * (own.counts / self.noise))
        posterior = gain @ self.between
        mean = posterior @ (own.counts / self.noise * own.means)
        return np.array([self._ratio(mean, posterior, typed) for typed in tested])

    def _ratio(self, mean: Rows, posterior: Rows, typed: Residuals) -> float:
        some = typed.counts > 0
        scatter = np.diag(self.noise[some] / typed.counts[some])
        value = typed.means[some]
        ratio = 0.0
        for sign, centre, spread in ((1, mean[some], posterior), (-1, 0.0, self.between)):
            covariance = spread[np.ix_(some, some)] + scatter
            away = value - centre
            ratio -= sign * 0.5 * float(away @ np.linalg.solve(covariance, away) + np.linalg.slogdet(covariance)[1])
        return ratio


def _means(observed: Sequence[Rows]) -> Residuals:
    return Residuals(
        np.array([values.mean() if len(values) else 0.0 for values in observed]),
        np.array([float(len(values)) for values in observed]),
    )


def bound(plda: DigraphPlda, people: People, keys: int, enrolled: int) -> list[Trial]:
    """The upper bound."""
    able = [own for person in people.tested if len(own := cut(person, keys)) >= enrolled + GENUINE // 2]
    lasts = [plda.residuals(own[-1:]) for own in able]
    found = []
    for who, own in enumerate(able):
        genuine = [plda.residuals([sample]) for sample in own[enrolled:][-GENUINE:]]
        foreign = plda.scores(own[:enrolled], lasts[:who] + lasts[who + 1 :])
        found.append(Trial(plda.scores(own[:enrolled], genuine), foreign, foreign))
    return found
