"""The folder of template keys: made once, never readable by others, found while running, retired only when unused."""

from __future__ import annotations

import base64
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from idp_adapter.adapters import secret_files
from idp_adapter.adapters.sealing_keys import FolderKeys, TemplateKeyFolder, fingerprint
from idp_adapter.errors import RequestInvalid, Unavailable
from tests.adapters.face import NOW, Clock

SECRET = bytes(range(32))


@pytest.fixture
def folder(tmp_path):
    made = TemplateKeyFolder(tmp_path / "template-keys")
    made.prepare(NOW)
    return made


@pytest.fixture
def clock():
    return Clock()


def files(folder):
    return sorted(folder.folder.glob("*.key"))


def newest(folder):
    return list(folder.read())[-1]


def age(folder, seconds):
    for path in files(folder):
        made_s = path.stat().st_mtime - seconds
        os.utime(path, (made_s, made_s))


def test_the_first_start_makes_a_key_that_only_its_owner_can_use(folder):
    (path,) = files(folder)
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.folder.stat().st_mode & 0o777 == 0o700
    assert len(base64.urlsafe_b64decode(path.read_bytes())) == 32


def test_later_starts_keep_it_even_where_nothing_may_be_written(folder):
    before = files(folder)
    (folder.folder / ".lock").unlink()
    folder.prepare(NOW + timedelta(days=1))
    assert files(folder) == before
    assert not (folder.folder / ".lock").exists()


def test_many_that_start_at_once_agree_on_one_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: TemplateKeyFolder(tmp_path / "keys").prepare(NOW), range(16)))
    assert len(files(TemplateKeyFolder(tmp_path / "keys"))) == 1


def test_the_key_made_last_wraps_whatever_the_clock_says(folder):
    for hours in (0, -1000, 5, 0):
        assert folder.rotate(NOW + timedelta(hours=hours)) == newest(folder)
    assert len(folder.read()) == 5


def test_a_key_of_any_name_is_read_and_the_last_by_name_wraps(folder):
    for name, secret in (("zz-2027", SECRET), ("a", SECRET[::-1])):
        path = folder.folder / f"{name}.key"
        path.write_bytes(base64.b64encode(secret))
        path.chmod(0o440)  # as mounted secrets are
    assert newest(folder) == fingerprint(SECRET)
    assert next(iter(folder.read())) != fingerprint(SECRET[::-1])  # digits come before letters
    assert folder.rotate(NOW) == newest(folder)


def test_a_key_that_was_added_is_found_at_once_by_its_id_and_wraps(folder, clock):
    keys = FolderKeys(folder, timer=clock.timer)
    old = keys.newest().id
    new = folder.rotate(NOW)
    assert keys.find(new).id == new
    assert keys.newest().id == new
    assert keys.find(old).id == old


def test_a_key_that_came_in_the_same_tick_of_the_file_system_is_found_within_seconds(folder, clock, monkeypatch):
    monkeypatch.setattr(TemplateKeyFolder, "changed", lambda self: 1)
    keys = FolderKeys(folder, timer=clock.timer)
    new = folder.rotate(NOW)
    assert keys.find(new) is None
    clock.pass_s(4)
    assert keys.find(new).id == new


def test_a_folder_that_goes_away_leaves_a_running_process_its_keys(folder, clock):
    keys = FolderKeys(folder, timer=clock.timer)
    known = keys.newest().id
    for path in files(folder):
        path.unlink()
    clock.pass_s(10)
    assert keys.newest().id == known
    assert keys.find("another") is None
    with pytest.raises(Unavailable, match="holds no key"):
        keys.ping()


def test_a_key_that_the_disk_has_no_room_for_leaves_nothing_of_itself(folder, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(folder.folder.iterdir())
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        folder.rotate(NOW)
    assert sorted(folder.folder.iterdir()) == before


def test_a_half_written_key_is_passed_over(folder):
    (folder.folder / ".999999999999-x.key").write_bytes(b"half")
    assert len(folder.read()) == 1


@pytest.mark.parametrize("mode", [0o604, 0o666, 0o660, 0o601])
def test_a_key_that_others_can_use_is_refused_with_the_fix(folder, mode):
    (path,) = files(folder)
    path.chmod(mode)
    with pytest.raises(Unavailable, match="can be read by others") as refused:
        folder.read()
    assert "chmod 600" in refused.value.hint


@pytest.mark.parametrize("content", [b"", b"nonsense!", base64.b64encode(b"short"), base64.b64encode(bytes(33))])
def test_a_file_that_is_no_key_is_refused_without_showing_it(folder, content):
    (path,) = files(folder)
    path.write_bytes(content)
    with pytest.raises(Unavailable, match="not a template key") as refused:
        folder.read()
    assert "32 bytes" in refused.value.hint
    assert not content or content.decode() not in str(refused.value)


def test_a_folder_that_can_not_be_made_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as refused:
        TemplateKeyFolder(tmp_path / "file" / "keys").prepare(NOW)
    assert "IDP_ADAPTER_TEMPLATE_KEY_DIR" in refused.value.hint


@pytest.mark.parametrize("change", ["rotate", "retire"])
def test_a_folder_that_is_read_only_is_said_so(folder, monkeypatch, change):
    folder.rotate(NOW)

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(secret_files, "write", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    calls = {
        "rotate": lambda: folder.rotate(NOW),
        "retire": lambda: folder.retire(datetime.now(UTC) + timedelta(hours=1), is_used=lambda _: False),
    }
    with pytest.raises(Unavailable, match="Read-only file system"):
        calls[change]()
    assert len(folder.read()) == 2


def test_what_is_called_a_key_and_is_no_file_is_said_so(folder):
    (folder.folder / "folder.key").mkdir()
    with pytest.raises(Unavailable, match="can't be used: Is a directory"):
        folder.read()


def test_retiring_deletes_the_unused_older_keys(folder):
    (first,) = folder.read()
    second = folder.rotate(NOW)
    age(folder, 120)
    made_s = files(folder)[-1].stat().st_mtime
    assert folder.retire(NOW.fromtimestamp(made_s + 61, tz=NOW.tzinfo), is_used=lambda _: False) == [first]
    assert list(folder.read()) == [second]


def test_retiring_refuses_while_one_is_used_and_deletes_nothing(folder):
    first, second = *folder.read(), folder.rotate(NOW)
    third = folder.rotate(NOW)
    made_s = files(folder)[-1].stat().st_mtime
    later = NOW.fromtimestamp(made_s + 61, tz=NOW.tzinfo)
    with pytest.raises(RequestInvalid, match=f"still wrapped by {second}"):
        folder.retire(later, is_used=lambda id_: id_ == second)
    assert list(folder.read()) == [first, second, third]


def test_retiring_waits_for_writes_that_may_be_under_way(folder):
    folder.rotate(NOW)
    made_s = files(folder)[-1].stat().st_mtime
    with pytest.raises(RequestInvalid, match="under a minute"):
        folder.retire(NOW.fromtimestamp(made_s + 59, tz=NOW.tzinfo), is_used=lambda _: False)
    assert len(folder.read()) == 2
