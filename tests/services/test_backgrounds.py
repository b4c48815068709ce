"""Fitting a background: whose profiles count, how many it takes, and that memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from idp_adapter.core.evidence import any_text, pointer
from idp_adapter.core.evidence.backgrounds import Backgrounds
from idp_adapter.core.types import Evidence, OutcomeType, Request
from idp_adapter.errors import NotFound
from idp_adapter.services import backgrounds
from idp_adapter.services.backgrounds import Fitting, Model
from tests.core import hands, typists
from tests.core.builders import template
from tests.services.conftest import login, telemetry

Own = Mapping[str, bytes]


class Kept:
    """Templates by realm, in memory: what a store gives is tested where stores are."""

    def __init__(self, **realms: list[Own]) -> None:
        self.realms, self.read = realms, 0

    def count(self, issuer: str, source: str) -> int:
        return len(self.realms[issuer])

    def templates(self, issuer: str, source: str) -> Iterator[Own]:
        for own in self.realms[issuer]:
            self.read += 1
            yield own


@cache
def codes(people: int, samples: int = 12) -> list[Own]:
    return [{"any_text/otp//en": template(any_text.to_bytes(each))} for each in typists.profiles(people, samples)]


def fit(kept: Kept, model: Model = Model.ANY_TEXT, heard: list[tuple[int, int]] | None = None) -> backgrounds.Fitted:
    told = [] if heard is None else heard
    return Fitting(kept).fit(model, tuple(kept.realms), on_progress=lambda done, of: told.append((done, of)))


def test_two_hundred_subjects_over_all_realms_make_a_background():
    heard: list[tuple[int, int]] = []
    fitted = fit(Kept(a=codes(200)[:120], b=codes(200)[120:]), heard=heard)
    assert isinstance(fitted.background, any_text.Background)
    assert np.array_equal(fitted.background.mean, typists.background().mean)
    assert fitted.subjects == 200
    assert heard[0] == (1, 200)
    assert heard[-1] == (200, 200)


def test_fewer_than_two_hundred_are_refused_with_what_to_do():
    with pytest.raises(NotFound) as caught:
        fit(Kept(a=codes(200)[:199]))
    assert caught.value.message.startswith("a background needs 200 subjects who agreed")
    assert caught.value.message.endswith("10 samples and more; there are 199")
    assert "behaviour.background_groups" in caught.value.hint


def test_young_and_damaged_profiles_do_not_count_and_a_subject_counts_once():
    young = {"any_text/otp//en": template(any_text.to_bytes(any_text.AnyText().profile(typists.rows(1, 9))))}
    damaged = {"any_text/otp//en": b"damaged", "any_text/totp//en": template(b"damaged")}
    twice = {**young, "any_text/totp//en": codes(200)[0]["any_text/otp//en"], "any_text/pin//en": b""}
    with pytest.raises(NotFound, match="there are 199"):
        fit(Kept(a=[*codes(200)[1:], young, damaged, {}]))
    assert fit(Kept(a=[*codes(200)[1:], young, damaged, twice])).subjects == 200


def test_past_the_most_no_more_is_read(monkeypatch):
    monkeypatch.setattr(backgrounds, "MOST_SUBJECTS", 210)
    kept = Kept(a=codes(220))
    assert fit(kept).subjects == 210
    assert kept.read == 210


def test_the_pointers_background_is_of_enrolled_hands():
    profiles = [hands.enrolled(person, 100) for person in range(8)]
    own = [{"pointer/mouse/Linux": template(pointer.to_bytes(profile))} for profile in profiles]
    young = {"pointer/mouse/Linux": template(pointer.to_bytes(hands.enrolled(1, 99)))}
    fitted = fit(Kept(a=own * 25 + [young]), Model.POINTER)
    assert isinstance(fitted.background, pointer.Background)
    assert fitted.subjects == 200
    assert fitted.background.total is not None


def with_code(person: int, seed: int) -> Request:
    """A login whose form had a code, as that person types."""
    row = typists.rows(person, 1, seed)[0] * 1000
    downs = [0.0, *np.cumsum(row[1::2])]
    keys = [[float(down), float(down + hold)] for down, hold in zip(downs, row[0::2], strict=True)]
    sent = telemetry(fields=[{"name": "otp", "keys": keys, "complete": True}])
    return login(telemetry=sent, telemetry_challenge="c-1")


def of_codes(house, request: Request) -> Evidence:
    return next(each for each in house.ask(request).risk.contributions if each.source == any_text.SOURCE)


def test_codes_are_learnt_of_step_ups_before_there_is_a_background_and_weighed_from_its_day_on(house):
    for seed in range(12):
        house.tell(house.ask(with_code(1, seed)), OutcomeType.STEP_UP_SUCCEEDED)
        house.now += timedelta(hours=8)
    before = of_codes(house, with_code(1, 50))
    assert [reason.code for reason in before.reasons] == ["any_text_no_background"]
    house.backgrounds = Backgrounds(any_text=typists.background(), versions=("of-today",))
    own = np.mean([of_codes(house, with_code(1, seed)).nats for seed in range(50, 60)])
    others = np.mean([of_codes(house, with_code(person, 50)).nats for person in range(2, 12)])
    assert own < 0 < others


def test_decisions_name_the_backgrounds_that_they_were_weighed_with(house):
    def weights() -> str:
        return house.store.decision(login().issuer, house.ask().id).weights

    shipped = weights()
    house.backgrounds = Backgrounds(any_text=typists.background(), versions=("of-today",))
    assert weights() != shipped
