"""Network feeds: lists of addresses and networks on disk, each saying one thing of what it lists.

Rules:
- A feed is text, one entry a line: an address, a CIDR or `AS` and a number, alone or first of a CSV row. What follows
  `#` or `;` is a comment; a first row that is no entry is a CSV header.
- Never raises, and never looks at the disk while a request waits: `refresh` does, in a job, and swaps what is known
  whole. A file that can't be used (absent, too big, too many damaged lines) leaves its last good entries in force.
- A poisoned feed must not speak of everybody. An entry wider than /8 (IPv6 /19) is left out; a file whose entries
  cover over an eighth of the address space, or over 20,000 AS numbers, is refused.
- Whatever is wrong is a sentence in `problems`, naming the file and its first bad line.
- Of IPv6 the /64 counts: the rest of an address changes daily, so a narrower entry stands for its /64.
"""

from __future__ import annotations

import re
import socket
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Final, TypeAlias

MOST_BYTES: Final = 16 * 1024 * 1024
MOST_ENTRIES: Final = 250_000
MOST_ASNS: Final = 20_000
WIDEST: Final = {4: 8, 6: 19}  # bits of the widest entry
_BITS: Final = {4: 32, 6: 64}  # bits that count
_MOST_COVERED: Final = {4: 2**32 // 8, 6: 2**61 // 8}  # of all IPv4; of 2000::/3 in /64s
_FAMILY: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_MOST_DAMAGED: Final = 0.1  # share of a file's lines
_ASN: Final = re.compile(r"AS(\d{1,10})", re.ASCII | re.IGNORECASE)
_COMMENT: Final = re.compile(r"[#;].*")
_END_OF_ENTRY: Final = re.compile(r"[,\s]")
_MAPPED: Final = bytes(10) + b"\xff\xff"

_Fingerprint: TypeAlias = tuple[int, int, int]
_Range: TypeAlias = tuple[int, int]  # first and last


class FeedFiles:
    """`ports.NetworkFeeds` on files by tag. What is on disk is read when it is made, then at each `refresh`."""

    def __init__(self, files: Mapping[str, Sequence[Path]]) -> None:
        self._files = {tag: [_File(tag, path) for path in paths] for tag, paths in files.items()}
        self._feeds: Mapping[str, _Feed] = {}
        self.refresh()

    def tags(self, ip: str, asn: int | None) -> tuple[str, ...]:
        """The tags of every feed that lists the address or its AS. Never raises."""
        at = _address(ip)
        return tuple(tag for tag, feed in self._feeds.items() if feed.lists(at, asn))

    def refresh(self) -> None:
        """Read the files that changed."""
        changed = [tag for tag, files in self._files.items() if sum(file.refresh() for file in files)]  # each one
        if changed:
            merged = {tag: _merged(file.entries for file in self._files[tag]) for tag in changed}
            self._feeds = {tag: merged.get(tag) or self._feeds.get(tag, _Feed()) for tag in self._files}

    def problems(self) -> Sequence[str]:
        """One sentence for each thing that is wrong with a file, for readiness."""
        return [problem for file in chain.from_iterable(self._files.values()) for problem in file.problems]


@dataclass(frozen=True, slots=True)
class _Entries:
    """What one file lists."""

    ranges: Mapping[int, Sequence[_Range]] = field(default_factory=lambda: {4: (), 6: ()})
    asns: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Feed:
    """All that the files of one tag list: disjoint ranges by family, as sorted first and last addresses."""

    firsts: Mapping[int, array[int]] = field(default_factory=dict)
    lasts: Mapping[int, array[int]] = field(default_factory=dict)
    asns: frozenset[int] = frozenset()

    def lists(self, at: tuple[int, int] | None, asn: int | None) -> bool:
        if asn in self.asns:
            return True
        if at is None or at[0] not in self.firsts:
            return False
        version, address = at
        index = bisect_right(self.firsts[version], address) - 1
        return index >= 0 and address <= self.lasts[version][index]


class _Refused(Exception):
    """A file that is not used, and why."""


class _File:
    """One file: its last good entries, and what is wrong with it now."""

    def __init__(self, tag: str, path: Path) -> None:
        self._name = f"the {tag} feed {path}"
        self._path = path
        self._fingerprint: _Fingerprint | None = None
        self.entries = _Entries()
        self.problems: tuple[str, ...] = ()

    def refresh(self) -> bool:
        """Read what is on disk now; whether there are new entries."""
        try:
            status = self._path.stat()
            fingerprint = status.st_mtime_ns, status.st_size, status.st_ino
            if fingerprint == self._fingerprint:
                return False
            self._fingerprint = fingerprint  # from before: what changes while it is read is read again next time
            self.entries, notes = _parse(self._read())
        except (OSError, ValueError) as error:
            self._fingerprint = None
            why = error.strerror if isinstance(error, OSError) and error.strerror else "no such path"
            self.problems = (f"{self._name} can't be read ({why}): its last good entries stay",)
            return False
        except _Refused as error:
            self.problems = (f"{self._name} is refused, {error}: its last good entries stay",)
            return False
        self.problems = tuple(f"{self._name} has {note}" for note in notes)
        return True

    def _read(self) -> str:
        with self._path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise _Refused(f"over {MOST_BYTES} bytes")
        return data.decode("utf-8-sig", "replace")


def _parse(text: str) -> tuple[_Entries, list[str]]:
    """Entries of a file and what was left out. Raises `_Refused`."""
    ranges: dict[int, list[_Range]] = {4: [], 6: []}
    asns: set[int] = set()
    damaged, wide = [], []
    entries = list(islice(_lines(text), MOST_ENTRIES + 1))
    for number, entry in entries:
        if (found := _ASN.fullmatch(entry)) and 0 < int(found[1]) < 2**32:
            asns.add(int(found[1]))
        elif (network := _network(entry)) is None:
            damaged.append(number)
        elif network[1] < WIDEST[network[0]]:
            wide.append(number)
        else:
            ranges[network[0]].append(network[2])
    parsed = _Entries({version: _disjoint(found) for version, found in ranges.items()}, frozenset(asns))
    _refuse(parsed, entries=len(entries), damaged=damaged)
    notes = [f"{len(damaged)} lines that can't be read, first line {damaged[0]}: left out"] if damaged else []
    if wide:
        notes.append(f"{len(wide)} entries wider than /8 or, of IPv6, /19, first line {wide[0]}: left out")
    return parsed, notes


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Line number and entry of each line that has one, a header left out."""
    is_first = True
    for number, line in enumerate(text.splitlines(), start=1):
        entry = _END_OF_ENTRY.split(_COMMENT.sub("", line).strip(), maxsplit=1)[0].strip("\"'")
        if entry and not (is_first and "," in line and entry.replace("_", "").isalpha()):
            yield number, entry
        is_first = is_first and not entry


def _refuse(parsed: _Entries, *, entries: int, damaged: Sequence[int]) -> None:
    """Raise `_Refused` for a file that is not what it should be."""
    if entries > MOST_ENTRIES:
        raise _Refused(f"over {MOST_ENTRIES} entries")
    if len(damaged) > entries * _MOST_DAMAGED:
        raise _Refused(f"{len(damaged)} of {entries} lines can't be read, first line {damaged[0]}")
    if len(parsed.asns) > MOST_ASNS:
        raise _Refused(f"over {MOST_ASNS} AS numbers")
    if any(_covered(parsed.ranges[version]) > most for version, most in _MOST_COVERED.items()):
        raise _Refused("its entries cover over an eighth of the address space")


def _network(entry: str) -> tuple[int, int, _Range] | None:
    """Version, length of the prefix, first and last address; None for what is no address and no network."""
    address, slash, length = entry.partition("/")
    at = _address(address)
    if at is None:
        return None
    version, first = at
    bits = _BITS[version]
    if not slash:
        return version, bits, (first, first)
    if not length.isascii() or not length.isdigit() or int(length[:4]) > (32 if version == 4 else 128):
        return None
    host = bits - min(int(length), bits)
    return version, bits - host, (first >> host << host, first | ((1 << host) - 1))


def _address(ip: str) -> tuple[int, int] | None:
    """Version and number of an address, of IPv6 the /64; None for what is none."""
    version = 6 if ":" in ip else 4
    try:
        packed = socket.inet_pton(_FAMILY[version], ip.partition("%")[0])
    except (OSError, ValueError):
        return None
    if version == 6 and packed.startswith(_MAPPED):
        return 4, int.from_bytes(packed[12:])
    return version, int.from_bytes(packed[:8])


def _disjoint(ranges: Iterable[_Range]) -> list[_Range]:
    joined: list[_Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def _covered(ranges: Iterable[_Range]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def _merged(entries: Iterable[_Entries]) -> _Feed:
    files = list(entries)
    ranges = {version: _disjoint(chain.from_iterable(file.ranges[version] for file in files)) for version in _BITS}
    return _Feed(
        firsts={version: array("Q", [first for first, _ in found]) for version, found in ranges.items()},
        lasts={version: array("Q", [last for _, last in found]) for version, found in ranges.items()},
        asns=frozenset().union(*(file.asns for file in files)),
    )
