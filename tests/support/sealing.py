"""Sealers whose template keys tests know, a template to seal, and a way past the store to its rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from idp_adapter.adapters.sealing import Sealer
from idp_adapter.adapters.sealing_keys import GivenKeys
from idp_adapter.core.evidence.keystroke import FixedText, to_bytes
from idp_adapter.services.ports import Lesson
from tests.support.records import device, habits, outcome

SECRET = bytes(range(32))
KEY = "password/1/10"
ROWS = np.random.default_rng(7).lognormal(-2.0, 0.3, (12, 19))
TEMPLATE = to_bytes(FixedText().profile(ROWS))


def sealer(*secrets: bytes) -> Sealer:
    """Under the given template keys, oldest first; without any, always the same one."""
    return Sealer(GivenKeys(*(secrets or (SECRET,))))


def lesson(id_: str = "outcome-1", *, template: bytes = TEMPLATE, key: str = KEY, **changes: Any) -> Lesson:
    return Lesson(outcome(id_, **changes), habits(), (device("key-1"),), {key: template})


def changed(store: Any, statement: str, **parameters: Any) -> int:
    """Change rows behind the store's back; `:name` in both dialects."""
    text = statement
    if type(store._database).__name__ == "Postgres":
        for name in parameters:
            text = text.replace(f":{name}", f"%({name})s")
    return store._database.transact(lambda execute: execute(text, parameters).rowcount)


def read(store: Any, statement: str) -> list[Any]:
    return store._database.read(statement, {})
