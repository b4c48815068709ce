"""A user agent as family, major version, platform and device class: what a source needs, and all that is ever stored.

Written as `Firefox/145 on Linux`; the class is named only where it isn't the platform's usual one, as in
`Chrome/140 on Android tablet`. What the platform's version can still tell is read apart: browsers froze most of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final

_MAX = 512
# Order matters: Chromium's children name their parents too.
_FAMILIES: Final = (
    ("Edge", re.compile(r"Edg(?:A|iOS)?/(\d{1,4})")),
    ("Opera", re.compile(r"OPR/(\d{1,4})")),
    ("Samsung", re.compile(r"SamsungBrowser/(\d{1,4})")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d{1,4})")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS|HeadlessChrome)/(\d{1,4})")),
    ("Safari", re.compile(r"Version/(\d{1,4})[\d.]* (?:Mobile/\S+ )?Safari/")),
)
_PLATFORMS: Final = (
    ("iOS", re.compile(r"iPhone|iPad|iPod")),
    ("Android", re.compile(r"Android")),
    ("ChromeOS", re.compile(r"CrOS")),
    ("Windows", re.compile(r"Windows")),
    ("macOS", re.compile(r"Macintosh|Mac OS X")),
    ("Linux", re.compile(r"Linux|X11")),
)
_PRODUCT: Final = re.compile(r"^([A-Za-z][\w.+-]{0,31})(?:/(\d{1,4}))?", re.ASCII)
_SUMMARY: Final = re.compile(r"([^/]+)/(\d+) on (\S+)(?: (\w+))?")
_TABLET: Final = re.compile(r"iPad|Android(?!.*Mobile)")
_USUAL_CLASS: Final = {"iOS": "mobile", "Android": "mobile", "unknown": "unknown"}  # any other: desktop
_PLATFORM_VERSIONS: Final = {
    "iOS": re.compile(r"OS (\d{1,4})_"),
    "Android": re.compile(r"Android (\d{1,4})"),
    "Windows": re.compile(r"Windows NT (\d{1,4})"),
    "macOS": re.compile(r"Mac OS X (\d{1,4})[._]"),
}
# A browser's major rises every four weeks, Safari's yearly (once by eight); twice that is still no wonder.
_MOST_AT_ONCE: Final = 8
_LEAST_APART: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Agent:
    """The levels of a user agent, from the narrowest name to the widest."""

    family: str
    major: int
    platform: str
    device_class: str  # "desktop", "mobile", "tablet" or "unknown"

    @property
    def kind(self) -> tuple[str, str, str]:
        """What survives upgrades: a browser profile never changes it."""
        return self.family, self.platform, self.device_class

    def may_follow(self, before: Agent, elapsed: timedelta) -> bool:
        """Whether a browser that had `before`'s version may have this one so much later: the same or an upgrade."""
        return 0 <= self.major - before.major <= _MOST_AT_ONCE + elapsed / _LEAST_APART


def summarise(user_agent: str | None) -> str:
    """`family/major on platform`, with the class where it isn't usual; `""` for none or for one that says nothing."""
    text = (user_agent or "")[:_MAX]
    platform = _platform(text)
    where = f"{platform} tablet" if platform in ("iOS", "Android") and _TABLET.search(text) else platform
    for family, pattern in _FAMILIES:
        if found := pattern.search(text):
            return f"{family}/{found.group(1)} on {where}"
    if found := _PRODUCT.match(text):
        return f"{found.group(1)}/{found.group(2) or '0'} on {where}"
    return ""


@lru_cache(maxsize=1024)
def agent_of(summary: str) -> Agent | None:
    """The levels that `summarise` wrote; None where it found nothing."""
    found = _SUMMARY.fullmatch(summary)
    if found is None:
        return None
    family, major, platform, device_class = found.groups()
    return Agent(family, int(major), platform, device_class or _USUAL_CLASS.get(platform, "desktop"))


def platform_version(user_agent: str | None) -> tuple[str, int] | None:
    """Platform and its major version, such as `("iOS", 18)`; None where the text doesn't tell.

    Browsers froze it at iOS 18, Android 10, Windows 10 and macOS 10: newer ones look like these, older ones don't.
    """
    text = (user_agent or "")[:_MAX]
    platform = _platform(text)
    pattern = _PLATFORM_VERSIONS.get(platform)
    found = pattern.search(text) if pattern else None
    return (platform, int(found.group(1))) if found else None


def _platform(text: str) -> str:
    return next((name for name, pattern in _PLATFORMS if pattern.search(text)), "unknown")
