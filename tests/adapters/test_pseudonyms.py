"""Pseudonyms: stable, per realm, and never the value itself."""

from __future__ import annotations

import base64
import ipaddress
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_adapter.adapters.pseudonyms import Pseudonyms
from idp_adapter.core.types import Origin, Place
from idp_adapter.errors import SettingsInvalid

REALM_A, REALM_B = "https://id.example/realms/a", "https://id.example/realms/b"
MASTER = bytes(range(32))
LISBON = Place("PT", 64500, 38.7223, -9.1393, 20.0)
PSEUDONYMS = Pseudonyms(MASTER)
MAPPED = ipaddress.ip_network("::/48")  # holds the IPv4 addresses written as IPv6, which are of no IPv6 prefix
IPV4, IPV6 = st.ip_addresses(v=4), st.ip_addresses(v=6).filter(lambda address: address not in MAPPED)
ANY = IPV4 | IPV6


def origin(ip: object, issuer: str = REALM_A, place: Place = LISBON) -> Origin:
    return PSEUDONYMS.origin(issuer, str(ip), place)


def prefix_of(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False)


@given(ANY, st.integers(min_value=0))
def test_addresses_of_one_prefix_share_its_pseudonym(address, offset):
    network = prefix_of(address)
    neighbour = network[offset % network.num_addresses]
    assert origin(address).prefix == origin(neighbour).prefix
    same = address == neighbour if address.version == 4 else address.packed[:8] == neighbour.packed[:8]
    assert (origin(address).address == origin(neighbour).address) == same


@given(ANY, ANY)
def test_different_prefixes_have_different_pseudonyms(one, other):
    assert (origin(one).prefix == origin(other).prefix) == (prefix_of(one) == prefix_of(other))


@given(ANY, st.text(), st.text())
def test_two_realms_never_share_a_pseudonym(address, one, other):
    first, second = origin(address, one), origin(address, other)
    mine, theirs = {first.address, first.prefix}, {second.address, second.prefix}
    assert mine == theirs if one == other else mine.isdisjoint(theirs)


@given(ANY)
def test_the_raw_address_is_never_in_the_output(address):
    made = origin(address)
    for pseudonym in (made.address, made.prefix):
        decoded = base64.urlsafe_b64decode(pseudonym + "==")
        assert len(decoded) == 16
        assert len(pseudonym) == 22
        assert str(address) not in pseudonym
        assert address.packed not in decoded
        assert "." not in pseudonym
        assert ":" not in pseudonym


@given(IPV4)
def test_an_ipv4_address_written_as_ipv6_is_the_same_address(address):
    assert origin(f"::ffff:{address}") == origin(address)


def test_an_ipv6_address_whose_interface_part_rotates_stays_the_same_address():
    home = origin("2001:db8:1:2:aaaa:bbbb:cccc:dddd")
    assert origin("2001:db8:1:2:1111:2222:3333:4444") == home
    assert origin("2001:db8:1:3:aaaa:bbbb:cccc:dddd").address != home.address


def test_a_zone_is_no_part_of_an_address():
    assert origin("fe80::1%eth0") == origin("fe80::1")


@given(st.text())
def test_what_is_no_address_has_no_origin_at_all(text):
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        assert origin(text) == Origin()


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_places_are_coarse(latitude, longitude):
    place = origin("192.0.2.1", place=Place("PT", 64500, latitude, longitude, 20.0)).place
    assert abs(place.latitude - latitude) <= 0.0501
    assert place.latitude == round(place.latitude, 1)
    assert place.longitude == round(place.longitude, 1)
    assert (place.country, place.asn, place.radius_km) == ("PT", 64500, 20.0)


def test_half_a_point_is_no_point():
    assert origin("192.0.2.1", place=Place("PT", 64500, 38.7, None, 20.0)).place == Place("PT", 64500)


@given(st.text())
def test_a_cookie_has_one_pseudonym_a_realm_unlike_its_value(value):
    assert PSEUDONYMS.cookie(REALM_A, value) == Pseudonyms(MASTER).cookie(REALM_A, value)
    assert PSEUDONYMS.cookie(REALM_A, value) not in {PSEUDONYMS.cookie(REALM_B, value), value}


def test_a_cookie_that_holds_an_address_does_not_get_the_addresss_pseudonym():
    made = origin("97.98.99.100")  # the bytes of "abcd"
    assert PSEUDONYMS.cookie(REALM_A, "abcd") not in {made.address, made.prefix}


def test_a_pseudonym_does_not_change_between_releases():
    """Stored rows depend on it: a change here forgets every known origin."""
    assert origin("192.0.2.1") == Origin(
        "9JXFS33Y0bjGvIy81fPsiQ", "inKP455m0XHdvgQ-KefExQ", Place("PT", 64500, 38.7, -9.1, 20.0)
    )


def test_another_master_key_gives_other_pseudonyms():
    assert Pseudonyms(bytes(32)).origin(REALM_A, "192.0.2.1", LISBON).address != origin("192.0.2.1").address


def test_more_realms_than_are_kept_at_hand_keep_their_pseudonyms():
    before = origin("192.0.2.1")
    for i in range(600):
        origin("192.0.2.1", f"https://id.example/realms/{i}")
    assert origin("192.0.2.1") == before


def test_a_short_key_is_refused():
    with pytest.raises(SettingsInvalid, match="31 bytes; at least 32"):
        Pseudonyms(bytes(31))


def test_a_missing_key_file_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "pseudonym.key"
    first = Pseudonyms.from_file(path).cookie(REALM_A, "cookie")
    assert Pseudonyms.from_file(path).cookie(REALM_A, "cookie") == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_callers_that_start_at_once_agree_on_the_key(tmp_path):
    path = tmp_path / "pseudonym.key"
    with ThreadPoolExecutor(8) as callers:
        made = set(callers.map(lambda _: Pseudonyms.from_file(path).cookie(REALM_A, "cookie"), range(8)))
    assert len(made) == 1


@pytest.mark.parametrize(
    ("written", "problem"),
    [(b"!" * 44, "base64url"), (b"c2hvcnQ=", "5 bytes"), (b"", "0 bytes"), ("é".encode(), "base")],
)
def test_a_key_file_that_holds_no_key_is_refused(tmp_path, written, problem):
    path = tmp_path / "pseudonym.key"
    path.write_bytes(written)
    with pytest.raises(SettingsInvalid, match=problem):
        Pseudonyms.from_file(path)


def test_a_key_file_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(SettingsInvalid, match=r"pseudonym\.key"):
        Pseudonyms.from_file(tmp_path / "none" / "pseudonym.key")


def test_a_key_may_be_written_in_either_base64_alphabet(tmp_path):
    path = tmp_path / "pseudonym.key"
    key = b"\xfb\xff" * 16
    path.write_bytes(base64.b64encode(key))
    standard = Pseudonyms.from_file(path).cookie(REALM_A, "cookie")
    path.write_bytes(base64.urlsafe_b64encode(key))
    assert Pseudonyms.from_file(path).cookie(REALM_A, "cookie") == standard
