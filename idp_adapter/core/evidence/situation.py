"""What every source is given: the question, what was observed, what is known, the time, and the policy's bounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from idp_adapter.core import templates
from idp_adapter.core.devices import DeviceRules
from idp_adapter.core.evidence.backgrounds import SHIPPED, Backgrounds
from idp_adapter.core.evidence.behaviour import BehaviourModel, P, S
from idp_adapter.core.population import UNKNOWN, Population
from idp_adapter.core.posture import PostureRules
from idp_adapter.core.types import Device, Evidence, History, Request, Signals


@dataclass(frozen=True, slots=True)
class Situation:
    """One attempt, whole. Times are aware UTC; a baseline last confirmed before `valid_from` says nothing any more."""

    request: Request
    signals: Signals
    history: History
    now: datetime
    valid_from: datetime | None = None
    population: Population = UNKNOWN
    devices: DeviceRules = DeviceRules()
    posture: PostureRules = PostureRules()
    backgrounds: Backgrounds = SHIPPED

    @property
    def address_is_theirs(self) -> bool:
        """Whether the request's address says something of the subject: their browser's, or a workload's own."""
        return self.request.network.of_end_user or self.request.subject.key.type == "service_account"

    def trusts(self, device: Device) -> bool:
        """Whether a device was confirmed, not too long ago."""
        until = self.devices.trusted_until(device)
        return until is not None and self.now <= until

    def template(self, key: str) -> templates.Envelope | None:
        """What is kept of a profile key, if anything. Raises `ProfileDamaged`."""
        stored = self.history.templates.get(key)
        return None if stored is None else templates.from_bytes(stored)

    def is_expired(self, template: templates.Envelope) -> bool:
        """Whether a template is past its validity."""
        return self.valid_from is not None and templates.is_expired(template, valid_from=self.valid_from)

    def weighed(self, key: str, model: BehaviourModel[P, S], sample: S) -> Evidence:
        """A sample beside the profile kept under a key; abstains where there is none, or none that is valid any more.

        Raises `ProfileDamaged`, and ValueError as the model does.
        """
        template = self.template(key)
        if template is None:
            return Evidence.abstain(model.source, f"{model.source}_enrolling", behavioural=True)
        if self.is_expired(template):
            return Evidence.abstain(model.source, f"{model.source}_baseline_expired", behavioural=True)
        return model.score(model.from_bytes(template.current.profile), sample, now=self.now)
