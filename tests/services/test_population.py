"""The population is looked at beside the requests, and what was known stays while a store does not answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp_adapter.core.population import FEWEST_SUBJECTS, Population
from idp_adapter.core.types import OutcomeType, SubjectId
from idp_adapter.errors import Unavailable
from idp_adapter.services.population import Populations
from tests.core import builders as b
from tests.services.conftest import HOME_IP, House, login
from tests.services.test_networks import source

ISSUER = login().issuer


def colleagues(house: House, count: int = FEWEST_SUBJECTS) -> None:
    for i in range(count):
        asked = login()
        asked = replace(asked, subject=replace(asked.subject, key=SubjectId("user", f"colleague-{i}")))
        home = house.store.decision(ISSUER, house.ask(asked).id).origin
        house.tell(house.ask(asked), subject=asked.subject.key, origin=home)


def test_an_address_that_the_whole_realm_shares_reassures_less(house: House):
    house.familiar()
    alone = source(house.ask(), "network").nats
    colleagues(house)
    house.populations.renew(now=house.now)
    together = source(house.ask(), "network").nats
    assert alone < together <= 0


def test_before_the_first_look_and_of_another_realm_nothing_is_known(house: House):
    colleagues(house)
    assert house.populations.of(ISSUER) == Population()
    house.populations.renew(now=house.now)
    assert house.populations.of(ISSUER).subjects == FEWEST_SUBJECTS
    assert house.populations.of("https://id.example/realms/other") == Population()


def test_what_was_known_of_a_realm_stays_while_the_store_does_not_answer_and_that_is_told_after_all_others():
    class Silent:
        silent = ""

        def population(self, issuer, *, since):
            if self.silent == issuer:
                raise Unavailable("database", "no answer")
            return Population(len(issuer) + len(self.silent))

    store = Silent()
    populations = Populations(store, [ISSUER, "other"])  # a store that can be told to be silent
    populations.renew(now=b.NOW)
    store.silent = ISSUER
    with pytest.raises(Unavailable):
        populations.renew(now=b.NOW)
    assert populations.of(ISSUER) == Population(len(ISSUER))
    assert populations.of("other") == Population(len("other") + len(ISSUER))


def test_a_population_never_holds_a_raw_address(house: House):
    colleagues(house, 2)
    house.populations.renew(now=house.now)
    assert HOME_IP not in str(house.populations.of(ISSUER))
    assert OutcomeType.LOGIN_SUCCEEDED not in str(house.populations.of(ISSUER))
