"""Network feeds: read as their makers write them, kept up to date, and no poison for everybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters import feeds
from idp_adapter.adapters.feeds import FeedFiles


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "feed.txt"


def deny(path: Path, text: str | bytes | None = None) -> FeedFiles:
    if text is not None:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return FeedFiles({"deny": [path]})


@pytest.mark.parametrize(
    "entry",
    [
        "192.0.2.7",
        "192.0.2.0/24",
        "192.0.2.9/24",
        "192.0.2.0/24 ; SBL1234",
        "192.0.2.7 # an exit",
        "192.0.2.0/24,GB,GB-EN,London,",
        '"192.0.2.0/24","x"',
        "::ffff:192.0.2.7",
        "\ufeff192.0.2.7",
        "  192.0.2.7\r",
        "AS64500",
        "as64500,Example Hosting",
    ],
)
def test_entries_are_read_as_their_makers_write_them(path, entry):
    feed = deny(path, entry)
    assert feed.tags("192.0.2.7", 64500) == ("deny",)
    assert feed.tags("::ffff:192.0.2.7", 64500) == ("deny",)
    assert feed.tags("198.51.100.7", 64501) == ()
    assert feed.problems() == []


@pytest.mark.parametrize("entry", ["2001:db8:1:2::/64", "2001:db8:1:2::7", "2001:db8:1:2:3::/80", "2001:db8:1::/48"])
def test_of_an_ipv6_address_the_64_counts(path, entry):
    feed = deny(path, entry)
    assert feed.tags("2001:db8:1:2:aaaa:bbbb:cccc:dddd", None) == ("deny",)
    assert feed.tags("2001:db8:2:2::1", None) == ()


def test_ranges_that_overlap_or_touch_are_one_and_their_edges_count(path):
    feed = deny(path, "192.0.2.0/25\n192.0.2.128/25\n192.0.2.64/26\n198.51.100.4/30\n")
    for ip in ("192.0.2.0", "192.0.2.127", "192.0.2.128", "192.0.2.255", "198.51.100.4", "198.51.100.7"):
        assert feed.tags(ip, None) == ("deny",)
    for ip in ("192.0.1.255", "192.0.3.0", "198.51.100.3", "198.51.100.8", "0.0.0.0", "255.255.255.255"):
        assert feed.tags(ip, None) == ()


@pytest.mark.parametrize("ip", ["", "no address", "1.2.3.4.5", "192.0.2.0/24", "\0", "\ud800", "x" * 10_000])
def test_what_is_no_address_is_on_no_list(path, ip):
    assert deny(path, "192.0.2.0/24").tags(ip, None) == ()


def test_each_feed_gives_its_tag_and_files_of_one_tag_are_one_feed(tmp_path):
    for name, text in {"a": "192.0.2.7", "b": "192.0.2.8", "c": "AS64500\n192.0.2.0/24"}.items():
        (tmp_path / name).write_text(text)
    files = FeedFiles({"tor": [tmp_path / "a", tmp_path / "b"], "vpn": [], "hosting": [tmp_path / "c"]})
    assert files.tags("192.0.2.7", None) == files.tags("192.0.2.8", None) == ("tor", "hosting")
    assert files.tags("192.0.2.9", None) == files.tags("203.0.113.1", 64500) == ("hosting",)


def test_a_changed_file_is_in_force_after_a_refresh_and_not_read_before(path):
    feed = deny(path, "192.0.2.7")
    new = path.with_suffix(".new")
    new.write_text("198.51.100.7")
    new.replace(path)
    assert feed.tags("192.0.2.7", None) == ("deny",)
    feed.refresh()
    assert feed.tags("192.0.2.7", None) == ()
    assert feed.tags("198.51.100.7", None) == ("deny",)


def test_a_file_that_did_not_change_is_not_read_again(path, monkeypatch):
    feed = deny(path, "192.0.2.7")
    monkeypatch.setattr(feeds, "_parse", lambda text: pytest.fail("read again"))
    feed.refresh()
    assert feed.tags("192.0.2.7", None) == ("deny",)


def test_an_absent_file_lists_nothing_until_it_appears(path):
    feed = deny(path)
    assert feed.tags("192.0.2.7", None) == ()
    (problem,) = feed.problems()
    assert str(path) in problem
    path.write_text("192.0.2.7")
    feed.refresh()
    assert feed.tags("192.0.2.7", None) == ("deny",)
    assert feed.problems() == []


def test_a_path_that_no_file_can_have_is_a_problem():
    assert len(FeedFiles({"deny": [Path("a\0b")]}).problems()) == 1


def many(count: int) -> str:
    return "".join(f"192.0.2.{i}\n" for i in range(count))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        pytest.param(bytes(range(256)) * 16, "can't be read", id="noise"),
        pytest.param(b"<html>\n<body>\nNot found\n</body>\n", "4 of 4 lines can't be read, first line 1", id="a page"),
        pytest.param(b"\n".join(b"%d.0.0.0/8" % i for i in range(1, 40)), "an eighth", id="the whole internet"),
        pytest.param(
            b"\n".join(b"%x:%x000::/19" % (0x2000 + i // 8, i % 8 * 2) for i in range(8200)),
            "an eighth",
            id="all of IPv6",
        ),
        pytest.param(b"\n".join(b"AS%d" % i for i in range(1, 20_100)), "AS numbers", id="every network"),
        pytest.param(b"192.0.2.1\n" * 300, "entries", id="too many"),
        pytest.param(b"#" * 5000, "bytes", id="too big"),
    ],
)
def test_a_poisoned_or_broken_file_is_refused_and_the_last_good_entries_stay(path, monkeypatch, bad, why):
    feed = deny(path, "192.0.2.7")
    if why == "entries":
        monkeypatch.setattr(feeds, "MOST_ENTRIES", 200)
    if why == "bytes":
        monkeypatch.setattr(feeds, "MOST_BYTES", 4999)
    path.write_bytes(bad)
    feed.refresh()
    assert feed.tags("192.0.2.7", None) == ("deny",)
    assert feed.tags("5.5.5.5", 5) == ()
    (problem,) = feed.problems()
    assert why in problem
    assert str(path) in problem
    assert "last good entries stay" in problem


@pytest.mark.parametrize("entry", ["0.0.0.0/0", "::/0", "128.0.0.0/1", "2000::/3", "3.0.0.0/7", "2a00::/12"])
def test_an_entry_that_speaks_of_everybody_is_left_out_and_named(path, entry):
    feed = deny(path, many(20) + entry)
    assert feed.tags("192.0.2.7", None) == ("deny",)
    for ip in ("5.5.5.5", "200.1.1.1", "3.3.3.3", "2a00::1", "2606:4700::1"):
        assert feed.tags(ip, None) == ()
    (problem,) = feed.problems()
    assert "first line 21" in problem


@pytest.mark.parametrize(
    "line", ["example.org", "192.0.2.0/33", "192.0.2.0/x", "2001:db8::/129", "AS0", "AS99999999999", "192.0.2", "/24"]
)
def test_a_damaged_line_is_left_out_and_named(path, line):
    feed = deny(path, f"{many(15)}{line}\n192.0.2.200\n")
    assert feed.tags("192.0.2.200", None) == ("deny",)
    (problem,) = feed.problems()
    assert "1 lines that can't be read, first line 16" in problem


def test_the_header_of_a_csv_file_is_no_damage(path):
    assert deny(path, "network,asn\n192.0.2.0/24,64500\n").problems() == []


def test_an_empty_file_lists_nothing_and_is_no_problem(path):
    assert deny(path, "\n# nothing today\n").problems() == []


@given(noise=st.binary(max_size=300), ip=st.ip_addresses(), asn=st.none() | st.integers(0, 2**33))
def test_any_bytes_are_a_feed_or_a_problem(tmp_path_factory, noise, ip, asn):
    path = tmp_path_factory.mktemp("noise") / "feed"
    assert deny(path, noise).tags(str(ip), asn) in ((), ("deny",))
