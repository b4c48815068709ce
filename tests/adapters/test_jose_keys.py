"""The folder of signing keys: made once, rotated without a gap, never readable by others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from idp_adapter.adapters.jose_keys import FolderSigner, KeyFolder
from idp_adapter.errors import Unavailable
from tests.adapters.face import NOW, Clock


@pytest.fixture
def folder(tmp_path):
    made = KeyFolder(tmp_path / "keys")
    made.prepare(NOW)
    return made


def signer_of(folder, clock):
    return FolderSigner(folder, now=clock, timer=clock.timer)


def kid_of(signed):
    return jwt.get_unverified_header(signed)["kid"]


def files(folder):
    return sorted(path for path in folder.folder.glob("*.pem"))


def test_the_first_start_makes_a_key_that_only_its_owner_can_use(folder):
    (path,) = files(folder)
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.folder.stat().st_mode & 0o777 == 0o700


def test_later_starts_keep_it(folder):
    before = files(folder)
    folder.prepare(NOW + timedelta(days=1))
    assert files(folder) == before


def test_many_that_start_at_once_agree_on_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: KeyFolder(tmp_path / "keys").prepare(NOW), range(16)))
    assert len(files(KeyFolder(tmp_path / "keys"))) == 1


def test_a_running_process_signs_with_a_new_key_within_seconds_and_publishes_the_old(folder):
    clock = Clock()
    signer = signer_of(folder, clock)
    old = kid_of(signer.sign({"a": 1}, typ="x"))
    new = folder.rotate(clock())
    clock.pass_s(4)
    signed = signer.sign({"a": 1}, typ="x")
    assert kid_of(signed) == new
    assert [key["kid"] for key in signer.jwks()["keys"]] == [new, old]


def test_an_old_key_is_published_until_its_successor_is_a_day_old(folder):
    clock = Clock()
    signer = signer_of(folder, clock)
    new = folder.rotate(clock())
    clock.pass_s(23 * 3600)
    assert len(signer.jwks()["keys"]) == 2
    clock.pass_s(2 * 3600)
    assert [key["kid"] for key in signer.jwks()["keys"]] == [new]


def test_rotation_deletes_what_is_no_longer_published(folder):
    folder.rotate(NOW + timedelta(days=10))
    folder.rotate(NOW + timedelta(days=12))
    assert len(files(folder)) == 2


def test_rotating_twice_in_a_second_signs_with_the_last(folder):
    kids = [folder.rotate(NOW) for _ in range(3)]
    assert folder.read(NOW)[0].kid == kids[-1]


def test_what_is_signed_verifies_with_what_is_published(folder):
    signer = signer_of(folder, Clock())
    (key,) = signer.jwks()["keys"]
    for number in range(50):  # short r or s now and then
        assert jwt.decode(signer.sign({"n": number}, typ="x"), jwt.PyJWK(key), algorithms=["ES256"]) == {"n": number}


def test_a_folder_that_goes_away_leaves_a_running_process_signing(folder):
    clock = Clock()
    signer = signer_of(folder, clock)
    for path in files(folder):
        path.unlink()
    clock.pass_s(10)
    assert signer.sign({}, typ="x")
    with pytest.raises(Unavailable):
        signer.ping()


@pytest.mark.parametrize("mode", [0o604, 0o666, 0o660, 0o601])
def test_a_key_that_others_can_use_is_refused_with_the_fix(folder, mode):
    (path,) = files(folder)
    path.chmod(mode)
    with pytest.raises(Unavailable, match="can be read by others") as refused:
        folder.read(NOW)
    assert "chmod 600" in refused.value.hint


def test_a_key_that_its_group_can_read_is_accepted_since_mounted_secrets_are(folder):
    (path,) = files(folder)
    path.chmod(0o440)
    assert folder.read(NOW)


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense", pem(ec.generate_private_key(ec.SECP384R1())), pem(ec.generate_private_key(ec.SECP256R1()))],
    ids=["empty", "nonsense", "another curve", "another key than its name"],
)
def test_a_file_that_is_not_the_key_of_its_name_is_refused(folder, content):
    (path,) = files(folder)
    path.write_bytes(content)
    with pytest.raises(Unavailable) as refused:
        folder.read(NOW)
    assert refused.value.hint


def test_other_files_are_passed_over(folder):
    (folder.folder / "README").write_text("keys")
    (folder.folder / ".half").write_text("written")
    assert len(folder.read(NOW)) == 1


def test_a_folder_that_can_not_be_made_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as refused:
        KeyFolder(tmp_path / "file" / "keys").prepare(NOW)
    assert "IDP_ADAPTER_DATA_DIR" in refused.value.hint


def test_an_empty_folder_is_said_so(tmp_path):
    with pytest.raises(Unavailable, match="holds no key"):
        KeyFolder(tmp_path).read(NOW)
    assert list(tmp_path.iterdir()) == []
