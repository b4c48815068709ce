"""What behaviour may teach, written and read back: typings with their contacts, movements as the model reads them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from idp_adapter.adapters.sql.codec import learnable_from_bytes, learnable_to_bytes
from idp_adapter.core.types import Learnable
from tests.core import builders as b

TOUCHED = replace(b.typing(keys=2), contacts=((0.31, 20.0, 21.0), (0.4, 22.0, 19.5)))
GIVEN = Learnable("key", "cookie", {"otp/": TOUCHED}, 0.0001, moves={"mouse/Linux": bytes(range(192))})


def test_contacts_and_movements_come_back_as_they_were():
    assert learnable_from_bytes(learnable_to_bytes(GIVEN)) == GIVEN


def test_what_was_written_before_there_were_contacts_and_movements_is_read():
    document = json.loads(learnable_to_bytes(replace(GIVEN, typings={"otp/": b.typing()}, moves={})))
    del document["moves"], document["typings"]["otp/"]["contacts"]
    assert learnable_from_bytes(json.dumps(document).encode()) == replace(GIVEN, typings={"otp/": b.typing()}, moves={})


@pytest.mark.parametrize("moves", ["%%%", "é"])
def test_movements_that_are_no_base64_are_bad_data(moves):
    document = json.loads(learnable_to_bytes(GIVEN)) | {"moves": {"mouse": moves}}
    with pytest.raises(ValueError, match=r"."):
        learnable_from_bytes(json.dumps(document).encode())


def test_the_most_movements_of_a_login_take_little_room():
    whole = len(learnable_to_bytes(replace(GIVEN, moves={"mouse/Windows": bytes(96 * 16)})))
    assert whole - len(learnable_to_bytes(replace(GIVEN, moves={}))) < 2_100
