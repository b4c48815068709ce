"""Network feeds: what lists of networks say of the address.

The allow list is the site's own and overrules every other. An address of the deny list or a Tor exit speaks against,
whoever uses it; a hosting or VPN network only where the subject's logins don't already come from it, since many people
work behind one. A relay (such as a browser's privacy relay) says nothing. No list alone refuses: a rule can, by reason.
Abstains for an address on no list, for workloads on hosting and VPN networks, where they live, and where a backend's
address is not the user's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from idp_adapter.core.evidence.situation import Situation
from idp_adapter.core.types import Evidence, Reason

SOURCE: Final = "network_feeds"
TAGS: Final = ("allow", "deny", "tor", "vpn", "hosting", "relay")
# Set by judgement, looked at beside what benchmarks/population shows.
DENY: Final = 3.5  # with nothing else known it asks for a factor; a known device still outweighs it
TOR: Final = 1.6
HOSTING: Final = 0.5  # beside a new network
VPN: Final = 0.4  # beside a new network: enough that hiding a journey gains nothing
ALLOW: Final = -0.5
MASKS: Final = frozenset(TAGS) - {"deny"}  # whoever comes out there may sit anywhere
# In this order the first that is there speaks: tag, code, nats, and what a user is told.
_WEIGHED: Final = (
    ("allow", "network_feed_allow", ALLOW, None),
    ("deny", "network_feed_deny", DENY, "new_place"),
    ("tor", "network_feed_tor", TOR, "new_place"),
    ("hosting", "network_feed_hosting", HOSTING, None),
    ("vpn", "network_feed_vpn", VPN, None),
    ("relay", "network_feed_relay", 0.0, None),
)
_USUAL_FOR_SOME: Final = frozenset({"hosting", "vpn"})


def score(situation: Situation) -> Evidence:
    """Weigh the tags of the address: the strongest speaks."""
    tags = situation.signals.network_tags
    if not situation.address_is_theirs:
        return Evidence.abstain(SOURCE, "network_of_a_backend")
    if not tags:
        return Evidence.abstain(SOURCE, "network_feed_none")
    told = {"tags": tags}
    telling = set(tags) - _USUAL_FOR_SOME if _lives_there(situation) else set(tags)
    for tag, code, nats, for_user in _WEIGHED:
        if tag in telling:
            return Evidence(SOURCE, nats, (Reason(code, nats, told, for_user),))
    return Evidence(SOURCE, 0.0, (Reason("network_feed_usual", 0.0, told),), abstains=True)


def is_masked(tags: Iterable[str], *, is_workload: bool = False) -> bool:
    """Whether the place of such an address says nothing of where its user is. Workloads live on hosting networks."""
    return not (MASKS - {"hosting"} if is_workload else MASKS).isdisjoint(tags)


def tags_of(contributions: Iterable[Evidence]) -> tuple[str, ...]:
    """The tags that a decision's evidence was told of."""
    told = (reason.params.get("tags") for item in contributions if item.source == SOURCE for reason in item.reasons)
    return next((tags for tags in told if isinstance(tags, tuple)), ())


def _lives_there(situation: Situation) -> bool:
    if situation.request.subject.key.type != "user":
        return True
    asn = situation.signals.origin.place.asn
    return asn is not None and any(seen.value == str(asn) for seen in situation.history.habits.networks)
