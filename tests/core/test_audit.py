"""The chain by itself: roots, links, and what each change to it shows as."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.core.audit import (
    START,
    Fault,
    Finding,
    Leaf,
    RecordId,
    RecordKind,
    check_removals,
    check_segment,
    leaf_digest,
    linked,
    merkle_root,
    statements_root,
)

digests = st.lists(st.binary(min_size=32, max_size=32), max_size=9)


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_a_root_is_that_of_rfc_6962_worked_by_hand():
    a, b, c = (leaf_digest(text) for text in (b"a", b"b", b"c"))
    assert leaf_digest(b"") == hashlib.sha256(b"\x00").digest()
    assert merkle_root([]) == hashlib.sha256(b"").digest()
    assert merkle_root([a]) == a
    assert merkle_root([a, b, c]) == node(node(a, b), c)
    five = [a, b, c, a, b]
    assert merkle_root(five) == node(node(node(a, b), node(c, a)), b)


@given(digests, st.integers(0, 8), st.binary(min_size=32, max_size=32))
def test_another_digest_at_any_place_is_another_root(items, index, other):
    if index >= len(items) or items[index] == other:
        return
    changed = [*items[:index], other, *items[index + 1 :]]
    assert merkle_root(changed) != merkle_root(items)


def test_the_order_of_statements_does_not_matter():
    assert statements_root(["a", "b"]) == statements_root(["b", "a"]) != statements_root(["a"])


def chain():
    leaves = [
        [
            Leaf(RecordId(RecordKind.DECISION, f"d{n}{i}"), i, digest := leaf_digest(b"%d%d" % (n, i)), found=digest)
            for i in range(3)
        ]
        for n in (1, 2)
    ]
    first = linked(START, "realm", 10, [leaf.digest for leaf in leaves[0]], [])
    second = linked(first, "realm", 20, [leaf.digest for leaf in leaves[1]], ["statement"])
    return first, second, leaves


def test_a_whole_chain_has_no_fault():
    first, second, leaves = chain()
    assert (first.number, second.number) == (1, 2)
    assert check_segment(first, START, leaves[0], []) == []
    assert check_segment(second, first, leaves[1], ["statement"]) == []


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (lambda s, d: (s, [replace(d[0], found=b"other"), *d[1:]]), {Fault.ALTERED}),
        (lambda s, d: (s, [replace(d[0], found=None), *d[1:]]), {Fault.REMOVED}),
        (lambda s, d: (s, [replace(d[0], found=None, removal="r"), *d[1:]]), set()),
        (lambda s, d: (s, d[1:]), {Fault.SEGMENT}),
        (lambda s, d: (s, [replace(d[0], digest=b"x" * 32, found=b"x" * 32), *d[1:]]), {Fault.SEGMENT}),
        (lambda s, d: (replace(s, root=b"x" * 32), d), {Fault.SEGMENT, Fault.LINK}),
        (lambda s, d: (replace(s, time_us=21), d), {Fault.LINK}),
        (lambda s, d: (replace(s, number=3), d), {Fault.LINK}),
        (lambda s, d: (replace(s, issuer="other"), d), {Fault.LINK}),
    ],
)
def test_each_change_shows(change, faults):
    first, second, leaves = chain()
    changed, kept = change(second, leaves[1])
    assert {finding.fault for finding in check_segment(changed, first, kept, ["statement"])} == faults


def test_a_missing_segment_or_statement_shows():
    first, second, leaves = chain()
    assert Finding(Fault.LINK, "2") in check_segment(second, START, leaves[1], ["statement"])
    assert Finding(Fault.SEGMENT, "2") in check_segment(second, first, leaves[1], [])


def test_statements_must_name_exactly_the_leaves_that_point_to_them():
    a, b = leaf_digest(b"a"), leaf_digest(b"b")
    said = (merkle_root(sorted([a, b])).hex(), 2)
    assert check_removals({"r": [b, a]}, {"r": said}) == []
    for removed, told in (
        ({"r": [a]}, {"r": said}),
        ({"r": [a, b]}, {"r": None}),
        ({"r": [a, b]}, {}),
        ({}, {"r": said}),
        ({}, {"r": None}),
    ):
        assert check_removals(removed, told) == [Finding(Fault.STATEMENT, "r")]
