"""A small server-side store: so many entries, each for so long; the oldest goes when there is no room."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class BoundedStore:
    """Entries by key, in this process. The interface is also the one that Authlib wants of a cache."""

    def __init__(self, *, max_entries: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Any:
        """The entry, or None where there is none (any more)."""
        with self._lock:
            expires_at, value = self._entries.get(key, (float("-inf"), None))
            return value if self._clock() < expires_at else None

    def set(self, key: str, value: Any, timeout: float) -> None:
        """Keep the entry for `timeout` seconds."""
        with self._lock:
            self._entries[key] = (self._clock() + timeout, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def delete(self, key: str) -> None:
        """Forget the entry, if it is there."""
        with self._lock:
            self._entries.pop(key, None)

    def pop(self, key: str) -> Any:
        """The entry, for the last time."""
        value = self.get(key)
        self.delete(key)
        return value
