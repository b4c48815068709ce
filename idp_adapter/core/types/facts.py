"""What a policy can ask about one request, beside its risk. Frozen, small, and enough to decide the request again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from idp_adapter.core.types.names import Hook, Scalar
from idp_adapter.core.types.questions import SubjectId

Names: TypeAlias = frozenset[str]
NONE: Final[Names] = frozenset()
LOGINS: Final = frozenset({Hook.LOGIN, Hook.PASSWORD_GRANT})
_HOOKS: Final = frozenset(Hook)


@dataclass(frozen=True, slots=True)
class Facts:
    """One request as rules see it. Ages in seconds, None where not told; `hour` and `day` are of the policy's clock.

    `roles_cut`, `groups_cut`: the subject has more than were told, so that a name that is not here may be theirs.
    """

    hook: str
    realm: str
    client: str
    subject: SubjectId
    roles: Names = NONE
    groups: Names = NONE
    roles_cut: bool = False
    groups_cut: bool = False
    factors: Names = NONE
    scopes: Names = NONE
    networks: Names = NONE  # tags of feeds, and the kind of the address
    zones: Names = NONE
    sites: Names = NONE
    devices: Names = NONE  # groups of devices that the request proved to come from
    environments: Names = NONE
    country: str = ""
    properties: tuple[tuple[str, Scalar], ...] = ()
    hour: int | None = None
    day: int | None = None  # 0 is Monday
    session_acr: str | None = None
    auth_age_s: int | None = None
    session_age_s: int | None = None
    is_offline: bool = False
    access_token_s: int | None = None  # the client's own lives of tokens
    refresh_token_s: int | None = None
    is_exempt: bool = False  # from behaviour: accessibility, or an objection
    is_volunteer: bool = False  # agreed that profiles of theirs count in a background
    demands: int = 0  # unmet step-ups of the subject within the budget's window

    @property
    def certain(self) -> Facts:
        """The same where the subject has no role and no group but those that were told."""
        return replace(self, roles_cut=False, groups_cut=False) if self.roles_cut or self.groups_cut else self

    @property
    def is_hook(self) -> bool:
        """Whether Keycloak asks; any other AuthZEN action is judged by rules alone."""
        return self.hook in _HOOKS

    @property
    def is_login(self) -> bool:
        """Whether a person is at the keyboard."""
        return self.hook in LOGINS
