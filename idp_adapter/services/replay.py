"""Replay: judge a realm's stored decisions again by a candidate policy. Reads only; bounded by slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from idp_adapter.core.policy import Policy
from idp_adapter.core.replay import Report, judge, look_of
from idp_adapter.services.ports import Replays


@dataclass(frozen=True, slots=True)
class Replayer:
    """Judges again. `live` is the policy that recorded the decisions."""

    replays: Replays
    live: Policy

    def replay(
        self,
        candidate: Policy,
        issuer: str,
        *,
        since: datetime,
        until: datetime,
        on_progress: Callable[[int, int], None],
    ) -> Report:
        """What the candidate would have changed of a realm's decisions. `on_progress` hears of done and all."""
        look = look_of(candidate, live=self.live)
        report = Report()
        total = self.replays.count(issuer, since=since, until=until)
        done = 0
        for part in self.replays.slices(issuer, look, since=since, until=until):
            for group in part.groups:
                report.add(group, judge(candidate, group))
            report.without_facts += part.without_facts
            report.unreadable += part.unreadable
            done += part.count
            on_progress(done, total)
        return report
