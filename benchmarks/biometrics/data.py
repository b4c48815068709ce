"""The data sets of behaviour, read from a folder that is given; none is part of the project.

A keystroke set is a list of subjects, each a matrix of rows `[hold_0, dd_0, hold_1, ...]` in seconds, oldest first.
A missing file makes its set None, so that a benchmark measures what there is and says what it skipped.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Subjects = list[Rows]


@dataclass(frozen=True)
class Table:
    """Where a table lies under the data folder, how its columns are named, and what a unit of its times is."""

    path: str
    subject: str
    hold: str
    down_down: str
    unit_s: float
    extra: tuple[str, ...] = ()  # prefixes of further columns per key, such as pressure


CMU = Table("cmu-dsl/cmu_dsl.csv.gz", "subject", "H.", "DD.", 1.0)
BKSD_EN = Table("bksd-password/password_en.csv.gz", "subject", "H.", "DD.", 1e-3)
BKSD_AR = Table("bksd-password/password_ar.csv.gz", "subject", "H.", "DD.", 1e-3)
MEU = Table("meu-mobile/meu_mobile.csv.gz", "Subject", "Hold ", "DD ", 1e-3)
MEU_TOUCH = Table("meu-mobile/meu_mobile.csv.gz", "Subject", "Hold ", "DD ", 1e-3, ("Pressure ", "Size "))
MOBIKEY = "mobikey-touch/mobikey.csv.gz"
AALTO = "aalto136m-sub/aalto_dev.npz"
SAPIMOUSE = "sapimouse-1min/sapimouse_1min_blocks.npz"
BALABIT = ("balabit-mouse/balabit_training.npz", "balabit-mouse/balabit_test_dev.npz")  # training, labelled tests
_BALABIT_KINDS = {0: "m", 1: "m", 2: "d", 3: "u", 4: "d", 5: "u"}  # drags move too; scrolling and the rest are left out
_BALABIT_OUTSIDE = 65_535


def read(folder: Path, table: Table) -> Subjects | None:
    """Subjects of one table. Columns named in `extra` follow the times, key by key, in their own units."""
    path = folder / table.path
    if not path.exists():
        return None
    with gzip.open(path, "rt", encoding="utf-8") as file:
        head, *lines = list(csv.reader(file))
    holds = [i for i, name in enumerate(head) if name.startswith(table.hold)]
    downs = [i for i, name in enumerate(head) if name.startswith(table.down_down)]
    order = [i for pair in zip(holds, downs, strict=False) for i in pair] + holds[-1:]
    extra = [i for prefix in table.extra for i, name in enumerate(head) if name.startswith(prefix)]
    scale = np.array([table.unit_s] * len(order) + [1.0] * len(extra))
    who = head.index(table.subject)
    subjects: dict[str, list[list[float]]] = {}
    for line in lines:
        subjects.setdefault(line[who], []).append([float(line[i]) for i in (*order, *extra)])
    return [np.array(rows) * scale for rows in subjects.values()]


def read_mobikey(folder: Path, text: int, *, touch: bool = False) -> Subjects | None:
    """Subjects of one of MobiKey's three texts; only typings of the usual length. `touch` adds pressure and area."""
    path = folder / MOBIKEY
    if not path.exists():
        return None
    typings: dict[str, dict[tuple[int, int], list[tuple[float, ...]]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            if line["password_type"] == str(text):
                when = (int(line["session"]), int(line["repetition"]))
                key = tuple(float(line[name]) for name in ("down_ms", "hold_ms", "pressure", "finger_area"))
                typings.setdefault(line["user"], {}).setdefault(when, []).append(key)
    usual = Counter(len(keys) for own in typings.values() for keys in own.values()).most_common(1)[0][0]
    return [
        np.array([_touch_row(np.array(own[when]), touch=touch) for when in sorted(own) if len(own[when]) == usual])
        for own in typings.values()
    ]


def _touch_row(keys: Rows, *, touch: bool) -> Rows:
    row = np.empty(2 * len(keys) - 1)
    row[0::2], row[1::2] = keys[:, 1] / 1000, np.diff(keys[:, 0]) / 1000
    return np.concatenate([row, keys[:, 2], keys[:, 3]]) if touch else row


@dataclass(frozen=True)
class Sentence:
    """One sentence: hold of each key and gap to the next in seconds, (k,) and (k - 1,); JavaScript's codes, (k,)."""

    holds: Rows
    gaps: Rows
    keys: NDArray[np.uint8]

    def row(self) -> Rows:
        """As `[hold_0, dd_0, hold_1, ...]`."""
        row = np.empty(2 * len(self.keys) - 1)
        row[0::2], row[1::2] = self.holds, self.gaps
        return row

    def between(self, first: int, end: int) -> Sentence:
        """A part of it."""
        return Sentence(self.holds[first:end], self.gaps[first : end - 1], self.keys[first:end])


def read_aalto(folder: Path) -> list[list[Sentence]] | None:
    """People and their sentences; times clipped to what a hand does."""
    if not (folder / AALTO).exists():
        return None
    with np.load(folder / AALTO) as table:
        columns = {name: table[name] for name in table.files}
    holds = np.clip(columns["hold_ms"] / 1000, 0.005, 1.0)
    gaps = np.clip(columns["press_gap_ms"] / 1000, 0.01, 3.0)
    people: dict[int, list[Sentence]] = {}
    starts = np.flatnonzero(np.diff(columns["user"] * 256 + columns["sentence"], prepend=-1))
    for begin, end in pairwise([*map(int, starts), len(holds)]):
        sentence = Sentence(holds[begin:end], gaps[begin + 1 : end], columns["key"][begin:end])
        people.setdefault(int(columns["user"][begin]), []).append(sentence)
    return list(people.values())


@dataclass(frozen=True)
class Session:
    """One session of the pointer: whose it claims to be, whether somebody else had it, its points and their kinds."""

    user: int
    illegal: bool
    places: Rows  # (n, 3) of [time_s, x_px, y_px]
    kinds: list[str]


def read_balabit(folder: Path) -> tuple[list[Session], list[Session]] | None:
    """Training sessions, and labelled test sessions, of the Balabit Mouse Dynamics Challenge."""
    if not all((folder / path).exists() for path in BALABIT):
        return None
    training, tests = (_balabit(folder / path) for path in BALABIT)
    return training, tests


def _balabit(path: Path) -> list[Session]:
    with np.load(path) as table:
        columns = {name: table[name] for name in table.files}
    sessions = []
    for i, (begin, end) in enumerate(pairwise(columns["session_start"])):
        x, y, code = (columns[name][begin:end] for name in ("x", "y", "code"))
        known = np.isin(code, list(_BALABIT_KINDS)) & (x != _BALABIT_OUTSIDE) & (y != _BALABIT_OUTSIDE)
        since = columns["dt_ms"][begin:end].astype(np.float64)
        time_s = (np.cumsum(since) - since[0]) / 1000
        places = np.column_stack([time_s, x.astype(np.float64), y.astype(np.float64)])[known]
        kinds = [_BALABIT_KINDS[number] for number in code[known]]
        sessions.append(Session(int(columns["session_user"][i]), bool(columns["session_is_illegal"][i]), places, kinds))
    return sessions


def read_sapimouse(folder: Path) -> list[list[Rows]] | None:
    """Per person blocks (128, 2) of |dx|, |dy| in pixels; the set has neither signs nor times."""
    if not (folder / SAPIMOUSE).exists():
        return None
    with np.load(folder / SAPIMOUSE) as table:
        steps = np.stack([table["absdx"], table["absdy"]], axis=2).astype(np.float64)
        users = table["user"]
    return [list(steps[users == user]) for user in np.unique(users)]


def fingerprint(folder: Path, path: str) -> str:
    """SHA-256 of a data file, so that a figure or a weight says what it was made from."""
    return hashlib.sha256((folder / path).read_bytes()).hexdigest()
