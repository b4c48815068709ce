"""The population of each realm, held in memory and taken anew beside the requests, so that a decision never waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from idp_adapter.core.population import UNKNOWN, Population
from idp_adapter.errors import Unavailable
from idp_adapter.services.ports import Store

ATTEMPTS_COUNT_FOR: Final = timedelta(hours=1)


class Populations:
    """The last known population of each realm; an empty one before the first look."""

    def __init__(self, store: Store, issuers: Iterable[str]) -> None:
        self._store = store
        self._issuers = tuple(issuers)
        self._known: dict[str, Population] = {}

    def of(self, issuer: str) -> Population:
        """The population of a realm."""
        return self._known.get(issuer, UNKNOWN)

    def renew(self, *, now: datetime) -> None:
        """Look again. A realm whose store does not answer keeps the last picture, and the last such error is raised."""
        failed: Unavailable | None = None
        for issuer in self._issuers:
            try:
                self._known[issuer] = self._store.population(issuer, since=now - ATTEMPTS_COUNT_FOR)
            except Unavailable as error:
                failed = error
        if failed is not None:
            raise failed
