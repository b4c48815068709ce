"""Places: read from files of several makers, kept up to date, never an exception."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from idp_adapter.adapters import geoip
from idp_adapter.adapters.geoip import GeoFiles
from idp_adapter.core.types import Place

LISBON = {"country": {"iso_code": "PT"}, "location": {"latitude": 38.7, "longitude": -9.1, "accuracy_radius": 20}}
NETWORK = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"}
FULL = Place("PT", 64500, 38.7, -9.1, 20.0)


def write(path: Path, records: dict[str, Any], *, ip_version: int = 6) -> Path:
    writer = MMDBWriter(ip_version, "Test", languages=["en"], ipv4_compatible=ip_version == 6, float_type="f64")
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    made = path.with_suffix(".new")
    writer.to_db_file(str(made))
    return made.replace(path)


@pytest.fixture
def opened() -> Iterator[Callable[..., GeoFiles]]:
    with ExitStack() as closing:

        def opened(city: Path | None = None, asn: Path | None = None) -> GeoFiles:
            files = GeoFiles(city=city, asn=asn)
            closing.callback(files.close)
            return files

        yield opened


@pytest.fixture
def city(tmp_path) -> Path:
    return write(tmp_path / "city.mmdb", {"192.0.2.0/24": LISBON, "2001:db8::/32": LISBON})


@pytest.fixture
def asn(tmp_path) -> Path:
    return write(tmp_path / "asn.mmdb", {"192.0.2.0/24": NETWORK})


@pytest.mark.parametrize("ip", ["192.0.2.7", "::ffff:192.0.2.7"])
def test_a_place_is_put_together_from_both_files(opened, city, asn, ip):
    files = opened(city, asn)
    assert files.locate(ip) == FULL
    assert files.problems() == []


@pytest.mark.parametrize("ip", ["198.51.100.1", "10.0.0.1", "::1", "fe80::1%eth0", "", "no address", "1.2.3.4.5", "\0"])
def test_an_address_that_no_file_knows_is_nowhere(opened, city, asn, ip):
    files = opened(city, asn)
    assert files.locate(ip) == Place()
    assert files.problems() == []


@pytest.mark.parametrize(
    ("record", "place"),
    [
        pytest.param(LISBON, Place("PT", None, 38.7, -9.1, 20.0), id="GeoLite2 City"),
        pytest.param(
            {"country": {"iso_code": "PT"}, "location": {"latitude": 38.7, "longitude": -9.1}},
            Place("PT", None, 38.7, -9.1),
            id="DB-IP City Lite",
        ),
        pytest.param(
            {"country": "PT", "city": "Lisbon", "lat": "38.7", "lng": "-9.1", "radius": "20"},
            Place("PT", None, 38.7, -9.1, 20.0),
            id="IPinfo location",
        ),
        pytest.param(
            {"country": "Portugal", "country_code": "PT", "asn": "AS64500"}, Place("PT", 64500), id="IPinfo Lite"
        ),
        pytest.param({"country": {"iso_code": "pt"}}, Place("PT"), id="lower case"),
        pytest.param({"country": {"iso_code": 7}, "location": "here", "asn": True}, Place(), id="other types"),
        pytest.param({"country": "Portugal", "asn": "ASx"}, Place(), id="names"),
        pytest.param({"location": {"latitude": 91.0, "longitude": 0.0}}, Place(), id="no such latitude"),
        pytest.param({"location": {"latitude": 38.7}}, Place(), id="half a point"),
        pytest.param({"lat": "north", "lng": "1"}, Place(), id="words"),
        pytest.param({"autonomous_system_number": 0}, Place(), id="no such network"),
        pytest.param([1, 2], Place(), id="a list"),
    ],
)
def test_the_layouts_of_several_makers_are_read(opened, tmp_path, record, place):
    assert opened(write(tmp_path / "city.mmdb", {"192.0.2.0/24": record})).locate("192.0.2.1") == place


def test_an_ipv6_address_in_a_file_of_ipv4_is_nowhere_and_no_problem(opened, tmp_path):
    files = opened(write(tmp_path / "city.mmdb", {"192.0.2.0/24": LISBON}, ip_version=4))
    assert files.locate("2001:db8::1") == Place()
    assert files.locate("192.0.2.1").country == "PT"
    assert not any("can't be used" in problem for problem in files.problems())


def test_files_that_are_not_set_are_named(opened):
    files = opened()
    assert files.locate("192.0.2.1") == Place()
    assert len(files.problems()) == 2


@pytest.mark.parametrize("damage", ["absent", "empty", "noise", "truncated", "folder"])
def test_a_file_that_cannot_be_read_abstains_and_is_named(opened, city, asn, damage):
    whole = city.read_bytes()
    city.unlink()
    if damage == "folder":
        city.mkdir()
    elif damage != "absent":
        city.write_bytes({"empty": b"", "noise": os.urandom(5000), "truncated": whole[: len(whole) // 2]}[damage])
    files = opened(city, asn)
    assert files.locate("192.0.2.1") == Place(asn=64500)
    (problem,) = files.problems()
    assert str(city) in problem


def test_a_new_file_is_read_at_the_next_refresh(opened, city, asn):
    files = opened(city, asn)
    assert files.locate("192.0.2.7").country == "PT"
    write(city, {"192.0.2.0/24": {"country": {"iso_code": "SG"}}})
    assert files.locate("192.0.2.7").country == "PT"
    files.refresh()
    assert files.locate("192.0.2.7") == Place("SG", 64500)


def test_a_file_that_appears_ends_its_problem(opened, tmp_path, asn):
    path = tmp_path / "later.mmdb"
    files = opened(path, asn)
    assert files.locate("192.0.2.7") == Place(asn=64500)
    write(path, {"192.0.2.0/24": LISBON})
    files.refresh()
    assert files.locate("192.0.2.7") == FULL
    assert files.problems() == []


def test_a_file_that_vanishes_is_a_problem_and_its_facts_are_unknown(opened, city, asn):
    files = opened(city, asn)
    assert files.locate("192.0.2.7") == FULL
    city.unlink()
    files.refresh()
    assert files.locate("192.0.2.7") == Place(asn=64500)
    assert len(files.problems()) == 1


def test_a_file_written_over_in_place_harms_nobody(opened, city, asn):
    files = opened(city, asn)
    files.locate("192.0.2.7")
    other = write(city.with_name("other.mmdb"), {"192.0.2.0/24": {"country": {"iso_code": "SG"}}}).read_bytes()
    city.write_bytes(b"")  # as `cp` does first
    assert files.locate("192.0.2.8").country is None
    city.write_bytes(other)
    files.refresh()
    assert files.locate("192.0.2.8") == Place("SG", 64500)
    assert files.problems() == []


def test_no_request_looks_whether_a_file_changed(opened, city, asn, monkeypatch):
    looks: list[Path] = []
    plain = geoip._fingerprint
    monkeypatch.setattr(geoip, "_fingerprint", lambda path: looks.append(path) or plain(path))
    files = opened(city, asn)
    for i in range(200):
        files.locate(f"192.0.2.{i}")
        files.problems()
    assert looks == [city, asn]


def test_requests_go_on_while_a_new_file_is_opened(opened, city, monkeypatch):
    files = opened(city)
    answered = []

    class Slow(geoip._Reader):
        def __init__(self, path: str) -> None:
            with ThreadPoolExecutor(1) as another:
                answered.append(another.submit(files.locate, "192.0.2.9").result(timeout=5))
            super().__init__(path)

    monkeypatch.setattr(geoip, "_Reader", Slow)
    write(city, {"192.0.2.0/24": {"country": {"iso_code": "SG"}}})
    files.refresh()
    assert answered == [Place("PT", None, 38.7, -9.1, 20.0)]
    assert files.locate("192.0.2.9").country == "SG"


def test_the_cache_is_bounded(opened, city, asn, monkeypatch):
    monkeypatch.setattr(geoip, "MOST_CACHED", 10)
    files = opened(city, asn)
    for i in range(100):
        assert files.locate(f"192.0.2.{i}") == FULL
    assert len(files._cache) <= 10


@given(noise=st.binary(min_size=1, max_size=40), at=st.integers(min_value=0), ip=st.ip_addresses())
def test_no_damage_inside_a_file_ever_raises(tmp_path_factory, noise, at, ip):
    folder = tmp_path_factory.mktemp("damaged")
    path = write(folder / "city.mmdb", {"192.0.2.0/24": LISBON})
    whole = path.read_bytes()
    at %= len(whole)
    path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    files = GeoFiles(city=path, asn=path)
    for address in (str(ip), "192.0.2.1"):
        assert isinstance(files.locate(address), Place)
    files.problems()
    files.close()


def test_a_closed_reader_knows_nothing(opened, city, asn):
    files = opened(city, asn)
    files.close()
    files.refresh()
    assert files.locate("192.0.2.1") == Place()
