"""How well behaviour tells a person: `python -m benchmarks.accuracy --data FOLDER [--json OUT] [--plots DIR]`.

Every protocol on the data that the folder holds, next to the literature's detectors; a set that is missing is named.
The scorer that ships is fitted on BKSD; figures on BKSD itself are cross-fitted: other text and other people.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.biometrics import any_text, attacks, crossed, data, detectors, plots, pointer, protocols
from benchmarks.biometrics.data import Subjects
from benchmarks.biometrics.measures import bootstrap, cllr, eer, least_cllr
from benchmarks.biometrics.protocols import Detector, Protocolled, Trial
from idp_adapter.core import templates
from idp_adapter.core.evidence import typed
from idp_adapter.core.evidence.keystroke import WORTHLESS_CLOCK_S, FixedText, to_bytes
from idp_adapter.core.evidence.pointer import Background
from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.evidence.touch import Touch
from idp_adapter.core.types import (
    BrowserFacts,
    History,
    Request,
    Resource,
    Signals,
    Subject,
    SubjectId,
    Telemetry,
    Typing,
)
from tools import fit_fields, fit_touch

FOLDS = crossed.FOLDS
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
ASKED = Request("", Subject(SubjectId("user", "")), "login", Resource("oidc_client", ""), "", NOW)
CODE_KEYS = 6  # of a one-time code
OURS, FIXED = "ours, keys not known", "as if the text were fixed"
CLASSES = {OURS: None, "coarse classes known": any_text.coarse, "digraphs known": any_text.digraph}
STEPS_S = (0.0001, 0.001, 0.005, 1 / 60, 0.1)


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure with its interval over subjects, its bar and what would be better still."""

    test: str
    method: str
    figure: float
    low: float | None = None
    high: float | None = None
    bar: float | None = None
    reach: float | None = None
    more_is_better: bool = False

    @property
    def verdict(self) -> str:
        """How the figure stands to bar and reach."""
        for name, limit in (("reach", self.reach), ("bar", self.bar)):
            if limit is not None and (self.figure >= limit if self.more_is_better else self.figure <= limit):
                return name
        return "" if self.bar is None else "MISSES"


Limits = tuple[tuple[float, float] | None, tuple[float, float] | None]  # novice, practised: bar and reach
NONE: Limits = (None, None)


def rates(test: str, method: str, trials: Sequence[Trial], limits: Limits = NONE) -> list[Row]:
    """Mean EER per subject against novice and practised impostors."""
    rows = []
    for kind, limit in zip(("novice", "practised"), limits, strict=True):
        values = np.array([eer(trial.genuine, getattr(trial, kind)) for trial in trials])
        low, high = bootstrap(values)
        bar, reach = limit or (None, None)
        rows.append(Row(f"{test}, {kind}", method, float(values.mean()), low, high, bar, reach))
    return rows


def calibration(test: str, trials: Sequence[Trial], method: str = "ours") -> list[Row]:
    """Cllr less its minimum over the whole set, with one threshold for all."""
    own = np.concatenate([trial.genuine for trial in trials])
    foreign = np.concatenate([part for trial in trials for part in (trial.novice, trial.practised)])
    excess = cllr(own, foreign) - least_cllr(own, foreign)
    return [Row(f"{test}, Cllr - min Cllr", method, excess, bar=0.10, reach=0.03)]


def cmu(folder: Path, keep: dict[str, list[Trial]]) -> Iterable[Row]:
    """The field's reference set: enrolment sizes, the first rows ever typed, adaptation, three logins summed."""
    subjects = data.read(folder, data.CMU)
    if subjects is None:
        return
    model = FixedText()
    plans: list[tuple[str, Protocolled, Limits]] = [
        ("CMU KM n=200", protocols.km(), ((0.042, 0.033), (0.068, 0.052))),
        ("CMU KM n=5", protocols.km(5), ((0.052, 0.042), None)),
        ("CMU KM n=10", protocols.km(10), ((0.050, 0.040), None)),
        ("CMU KM n=20", protocols.km(20), ((0.047, 0.037), None)),
        ("CMU first 5, next 40", protocols.first(5), ((0.120, 0.095), None)),
        ("CMU first 10, next 40", protocols.first(10), ((0.085, 0.065), None)),
        ("CMU first 20, next 40", protocols.first(20), ((0.065, 0.050), None)),
        ("CMU adaptive, 30", protocols.adaptive(), ((0.028, 0.020), (0.045, 0.034))),
    ]
    for name, protocol, limits in plans:
        keep[name] = protocol(model, subjects)
        yield from rates(name, "ours", keep[name], limits)
    summed = protocols.consecutive(keep["CMU adaptive, 30"])
    yield from rates("CMU three logins summed", "ours", summed, ((0.010, 0.005), (0.021, 0.013)))
    yield from rates("CMU summed, others' first after two", "ours", protocols.after_owner(keep["CMU adaptive, 30"]))
    yield from elsewhere(subjects)
    yield from calibration("CMU KM n=200", keep["CMU KM n=200"])
    yield from calibration("CMU adaptive, 30", keep["CMU adaptive, 30"])


def elsewhere(subjects: Subjects) -> Iterable[Row]:
    """The owner on another keyboard, made up as a hand 1.5 times slower: with one profile, and with one of each."""
    against = []
    for rows in subjects:
        start = protocols.half(rows)
        profile = FixedText().profile(rows[start - protocols.WINDOW : start])
        stored = {"keystroke/password//en/11": templates.to_bytes(templates.started(to_bytes(profile), at=NOW))}
        against.append([[_weighs_against(row * 1.5, stored, on) for row in rows[start::10]] for on in (False, True)])
    for i, method in enumerate(("one profile for all", "ours, one of each")):
        share = float(np.mean([against_owner for found in against for against_owner in found[i]]))
        yield Row("CMU other device, owner weighed against", method, share, bar=0.0 if i else None)


def _weighs_against(row: np.ndarray, stored: dict[str, bytes], on_a_phone: bool) -> bool:
    downs = np.concatenate([[0.0], np.cumsum(row[1::2])])
    typing = Typing("password", tuple(downs), tuple(downs + row[0::2]))
    facts = BrowserFacts(languages=("en",), mobile=on_a_phone)
    signals = Signals(telemetry=Telemetry(fields=(typing,), facts=facts, clock_step_s=0.0001))
    return typed.score(Situation(ASKED, signals, History(templates=stored), NOW)).nats > 0


def literature(folder: Path, keep: dict[str, list[Trial]]) -> Iterable[Row]:
    """The literature's detectors on CMU, enrolled on 200 rows and on five."""
    subjects = data.read(folder, data.CMU)
    if subjects is None:
        return
    made: list[tuple[str, Callable[[], Detector]]] = [
        ("Manhattan", detectors.Manhattan),
        ("scaled Manhattan", detectors.ScaledManhattan),
        ("nearest, Mahalanobis", detectors.NearestMahalanobis),
        ("one-class SVM", detectors.one_class_svm),
        ("isolation forest", detectors.isolation_forest),
    ]
    for enrolled in (200, 5):
        for method, make in made:
            name = f"CMU KM n={enrolled}"
            keep[f"{name}, {method}"] = protocols.km(enrolled)(make(), subjects)
            yield from rates(name, method, keep[f"{name}, {method}"])
    yield from rates("CMU KM n=200", "tutorial forest (closed set)", _tutorial(subjects))


def _tutorial(subjects: Subjects) -> list[Trial]:
    trials = []
    for who, rows in enumerate(subjects):
        end, (novice, practised) = protocols.half(rows), protocols.impostors(subjects, who)
        forest = detectors.TutorialForest([other[20:] for i, other in enumerate(subjects) if i != who])
        known = forest.profile(rows[:end])
        trials.append(Trial(*(forest.score_rows(known, part) for part in (rows[end:], novice, practised))))
    return trials


def bksd(folder: Path, keep: dict[str, list[Trial]]) -> Iterable[Row]:
    """Adaptive runs on BKSD, cross-fitted, and both of its texts as two fields of one login."""
    sets = [data.read(folder, table) for table in (data.BKSD_EN, data.BKSD_AR)]
    if sets[0] is None or sets[1] is None:
        return
    en, ar = (crossed.adapted(sets[i], sets[1 - i]) for i in (0, 1))  # type: ignore[arg-type]
    keep["BKSD-en adaptive, 30"] = en
    yield from rates("BKSD-en adaptive, 30", "ours, cross-fitted", en, ((0.055, 0.040), (0.085, 0.065)))
    yield from rates("BKSD-ar adaptive, 30", "ours, cross-fitted", ar)
    both = protocols.summed([en, ar])
    yield from rates("BKSD two fields, adaptive, 30", "plain sum", both, ((0.022, 0.014), (0.034, 0.023)))
    known = crossed.pairs(en, ar)
    for method, weights in (
        ("capped, weaker at half", [np.array([1.0, 0.5])] * len(known)),
        ("ours, capped, fitted weights", fit_fields.held_out(known)),
    ):
        wired = crossed.combined(en, ar, weights)
        yield from rates("BKSD two fields, adaptive, 30", method, wired, ((0.022, 0.014), (0.034, 0.023)))
        yield from calibration("BKSD two fields, adaptive, 30", wired, method)
    keep["BKSD two fields, adaptive, 30"] = wired
    yield from calibration("BKSD-en adaptive, 30", en)


def touch(folder: Path, keep: dict[str, list[Trial]]) -> Iterable[Row]:
    """Touch keyboards: with pressure and area (MEU cross-fitted by people), and by their times alone."""
    meu = data.read(folder, data.MEU_TOUCH)
    for enrolled, limits in ((5, (0.055, 0.042)), (20, (0.050, 0.037))) if meu else ():
        name = f"MEU KM n={enrolled}, pressure and area"
        keep[name] = _touch_cross_fitted(meu or [], protocols.km(enrolled))
        yield from rates(name, "ours, cross-fitted", keep[name], (limits, None))
        yield from calibration(name, keep[name])
    for text in range(3):
        subjects = data.read_mobikey(folder, text, touch=True)
        if subjects:
            trials = protocols.km(20)(Touch(), subjects)
            yield from rates(f"MobiKey {text} KM n=20, pressure and area", "ours", trials)
    sets = {"MEU": data.read(folder, data.MEU)}
    sets |= {f"MobiKey {text}": data.read_mobikey(folder, text) for text in range(3)}
    for name, subjects in sets.items():
        if subjects is None:
            continue
        for enrolled in (5, 20):
            for method, model in (("ours, times only", FixedText()), ("scaled Manhattan", detectors.ScaledManhattan())):
                test = f"{name} first {enrolled}, next 40"
                keep[test] = protocols.first(enrolled)(model, subjects)
                yield from rates(test, method, keep[test])


def _touch_cross_fitted(subjects: Subjects, protocol: Protocolled) -> list[Trial]:
    trials: dict[int, Trial] = {}
    for fold in range(FOLDS):
        model = Touch(bands=fit_touch.bands([rows for i, rows in enumerate(subjects) if i % FOLDS != fold]))
        found = protocol(model, subjects)
        trials |= {who: found[who] for who in range(fold, len(subjects), FOLDS)}
    return [trials[who] for who in sorted(trials)]


def clocks(folder: Path, keep: dict[str, list[Trial]]) -> Iterable[Row]:
    """The same typings read off coarser clocks; the profile was typed on one as coarse."""
    subjects = data.read(folder, data.CMU)
    for step_s in STEPS_S if subjects else ():
        trials = protocols.km(30)(FixedText(clock_step_s=step_s), protocols.ticked(subjects or [], step_s))
        method = "ours" if step_s <= WORTHLESS_CLOCK_S else "abstains; would be"
        yield from rates(f"CMU KM n=30, clock {step_s * 1000:.3g} ms", method, trials)
        yield from calibration(f"CMU KM n=30, clock {step_s * 1000:.3g} ms", trials, method)


def attacked(folder: Path, keep: dict[str, list[Trial]]) -> Iterable[Row]:
    """Bots, replay and poisoning."""
    subjects = data.read(folder, data.CMU)
    if subjects is None:
        return
    better = {"more_is_better": True}
    yield Row("naive bots caught", "ours", attacks.bots_caught(subjects), None, None, 0.99, 1.0, **better)
    yield Row("replay, 2 ms", "ours", attacks.replays_caught(subjects, 0.002), None, None, 0.88, 0.97, **better)
    yield Row("replay, 5 ms", "ours", attacks.replays_caught(subjects, 0.005), None, None, 0.75, 0.88, **better)
    draws = [attacks.poisoned(subjects, seed=seed) for seed in range(3)]
    rise = float(np.mean([found.attacker_after - found.attacker_before for found in draws]))
    owner = float(np.mean([found.owner for found in draws]))
    yield Row("poisoning: rise of the attacker's pass rate", "ours", rise, None, None, 0.02, 0.005)
    yield Row("poisoning: owner's pass rate", "ours", owner, None, None, 0.92, 0.95, **better)


def balabit(folder: Path, keep: dict[str, list[Trial]]) -> Iterable[Row]:
    """The pointer on Balabit: with the background that ships, and with one of the other subjects' profiles."""
    sessions = data.read_balabit(folder)
    if sessions is None:
        return
    people = pointer.subjects(sessions)
    for method, background in (("ours, as shipped", pointer.shipped), ("ours, deployment known", Background.of)):
        task = pointer.closed(people, background)
        name = "Balabit closed set"
        yield Row(f"{name}, AUC", method, task.auc, None, None, 0.935, 0.965, more_is_better=True)
        low, high = bootstrap(task.per_subject)
        mean = float(task.per_subject.mean())
        yield Row(f"{name}, AUC per subject", method, mean, low, high, more_is_better=True)
        yield Row(f"{name}, Cllr - min Cllr", method, task.excess_bits)
        for enrolled, enrolment, bar, reach in (
            ("5,000", pointer.last, 0.11, 0.075),
            ("100 spread", pointer.spread, 0.17, 0.125),
            ("100 in a row", pointer.in_a_row, 0.17, 0.125),
        ):
            per_subject, per_pair = pointer.opened(people, enrolment, background)
            for kind, found in (("subject", per_subject), ("pair", per_pair)):
                low, high = bootstrap(found)
                test = f"Balabit open set, {enrolled}, per {kind}"
                yield Row(test, method, float(found.mean()), low, high, bar, reach)
        for enrolled, enrolment in (("5,000", pointer.last), ("100 spread", pointer.spread)):
            plain, mapped, maps = pointer.calibrated(people, enrolment, background)
            name = f"Balabit a login's runs, {enrolled}"
            yield Row(f"{name}, Cllr", method, float(plain.mean()), *bootstrap(plain))
            yield Row(f"{name}, Cllr under others' map", method, float(mapped.mean()), *bootstrap(mapped))
            for part, found in zip(("slope", "offset"), maps.T, strict=True):
                yield Row(f"{name}, {part} of that map", method, float(found.mean()), *bootstrap(found))


def aalto(folder: Path, keep: dict[str, list[Trial]]) -> Iterable[Row]:
    """Texts that differ each time, by keys of a sample and samples enrolled; what knowing the keys would buy."""
    sentences = data.read_aalto(folder)
    if sentences is None:
        return
    people = any_text.drawn(sentences)
    plda = any_text.DigraphPlda.of(people.others)
    for keys, galleries in ((CODE_KEYS, (3, 10, 30)), (12, (3, 10, 30)), (25, (3, 10)), (50, (1, 3, 5))):
        tried = {method: any_text.ours(people, keys, class_of) for method, class_of in CLASSES.items()}
        for enrolled in galleries:
            name = f"Aalto {enrolled} samples of {keys} keys"
            found = {method: any_text.trials(*model_and_rows, enrolled) for method, model_and_rows in tried.items()}
            found["digraph PLDA"] = any_text.bound(plda, people, keys, enrolled)
            keep[name] = found[OURS]
            if keys == CODE_KEYS:
                found[FIXED] = any_text.fixed(tried[OURS][1], enrolled)
            for method, trials in found.items():
                values = np.array([eer(trial.genuine, trial.novice) for trial in trials])
                yield Row(name, method, float(values.mean()), *bootstrap(values))
            yield from calibration(name, found[OURS])
            for method in (OURS, FIXED) if keys == CODE_KEYS else ():
                against = float(np.mean([(trial.genuine < 0).mean() for trial in found[method]]))
                yield Row(f"{name}, owner weighed against", method, against)


PARTS = {
    "cmu": cmu,
    "bksd": bksd,
    "touch": touch,
    "pointer": balabit,
    "any_text": aalto,
    "clocks": clocks,
    "attacks": attacked,
    "literature": literature,
}


def table(rows: Sequence[Row]) -> str:
    """The figures as text."""
    lines = [f"{'test':46} {'method':30} {'figure':>7}  {'95 % interval':15} {'bar':>6} {'reach':>6}"]
    for row in rows:
        interval = "" if row.low is None else f"{row.low:.4f}-{row.high:.4f}"
        limits = " ".join(f"{'' if limit is None else f'{limit:.3f}':>6}" for limit in (row.bar, row.reach))
        lines.append(f"{row.test:46} {row.method:30} {row.figure:7.4f}  {interval:15} {limits} {row.verdict}")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description="Measure behavioural evidence by the field's protocols.")
    parser.add_argument("--data", type=Path, required=True, help="folder of data sets; see docs/behaviour.md")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--plots", type=Path, help="write DET curves, EER over enrolment and reliability here (SVG)")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS))
    asked = parser.parse_args()
    keep: dict[str, list[Trial]] = {}
    rows: list[Row] = []
    for part in asked.only:
        start = time.perf_counter()
        found = list(PARTS[part](asked.data, keep))
        rows += found
        note = "" if found else ": no data in the folder, skipped"
        print(f"{part}{note} ({time.perf_counter() - start:.0f} s)", file=sys.stderr, flush=True)
    print(table(rows))
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")
    if asked.plots:
        plots.write(asked.plots, keep)
    return int(any(row.verdict == "MISSES" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
