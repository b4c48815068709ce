"""A user agent as family, major version and platform: what a source needs, and all that is ever stored of it."""

from __future__ import annotations

import re
from typing import Final

_MAX = 512
# Order matters: Chromium's children name their parents too.
_FAMILIES: Final = (
    ("Edge", re.compile(r"Edg(?:A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"OPR/(\d+)")),
    ("Samsung", re.compile(r"SamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS|HeadlessChrome)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/")),
)
_PLATFORMS: Final = (
    ("iOS", re.compile(r"iPhone|iPad|iPod")),
    ("Android", re.compile(r"Android")),
    ("ChromeOS", re.compile(r"CrOS")),
    ("Windows", re.compile(r"Windows")),
    ("macOS", re.compile(r"Macintosh|Mac OS X")),
    ("Linux", re.compile(r"Linux|X11")),
)
_PRODUCT: Final = re.compile(r"^([A-Za-z][\w.+-]{0,31})(?:/(\d+))?")


def summarise(user_agent: str | None) -> str:
    """`family/major on platform`, such as `Firefox/145 on Linux`; `""` for none or for one that says nothing known."""
    text = (user_agent or "")[:_MAX]
    platform = next((name for name, pattern in _PLATFORMS if pattern.search(text)), "unknown")
    for family, pattern in _FAMILIES:
        if found := pattern.search(text):
            return f"{family}/{found.group(1)} on {platform}"
    if found := _PRODUCT.match(text):
        return f"{found.group(1)}/{found.group(2) or '0'} on {platform}"
    return ""


def family_of(summary: str) -> str:
    """The part of a summary that survives upgrades: `family on platform`."""
    product, _, platform = summary.partition(" on ")
    return f"{product.partition('/')[0]} on {platform}" if summary else ""
