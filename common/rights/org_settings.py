"""The settings of an organization: one document in its row. No I/O.

A field that is added later has a default, so that older rows stay valid.
"""

from typing import Literal

import msgspec

from common.core.customer_key import CustomerKey
from common.rights import permissions as p
from common.rights.permissions import STACK_LEVELS, Permission, StackLevel

EnvironmentLevel = Literal["none", "read", "open", "write", "admin"]
ENVIRONMENT_LEVELS: dict[EnvironmentLevel, frozenset[Permission]] = {
    "none": frozenset(),
    "read": p.ENVIRONMENT_READ,
    "open": p.ENVIRONMENT_OPEN,
    "write": p.ENVIRONMENT_WRITE,
    "admin": p.ENVIRONMENT_ADMIN,
}
_ACCOUNT_LEVELS = (frozenset[Permission](), p.ACCOUNT_READ, p.ACCOUNT_WRITE, p.ACCOUNT_ADMIN)


class OrgSettings(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An organization's settings; levels are upstream's numbers and words.

    `default_…_permission` and the toggles hold for members with the built-in Member role alone. `stack_…`: without it,
    members may not delete or transfer even the stacks they administer. `max_access_token_expiry_days` 0 means no limit.
    `saml_required`: people must have signed in through the organization's own SAML provider, within `saml_session_hours`
    (0: ever), except the user with `saml_admin_id`, who can repair it. `has_policies`: a policy group applies a pack, so that
    updates need not look for policies without. `customer_key` wraps the data keys of the organization, in place of the
    master key. `mails_…`: what owners of new stacks get. `retention_…`: how many versions, or the versions of how many days,
    keep their states; at most one of them is not 0, which means all. The settings between `saml_admin_id` and `has_policies`
    change nothing here; they are stored for the clients that show them.
    """

    default_stack_permission: StackLevel = StackLevel.WRITE
    default_environment_permission: EnvironmentLevel = "none"
    default_account_permission: Literal[0, 1, 2, 3] = 0
    members_can_create_stacks: bool = True
    members_can_delete_stacks: bool = True
    members_can_transfer_stacks: bool = True
    members_can_create_teams: bool = True
    members_can_create_accounts: bool = False
    members_can_invite_collaborators: bool = False
    max_access_token_expiry_days: int = 0
    default_role_id: str = ""
    saml_required: bool = False
    saml_session_hours: int = 0
    saml_admin_id: str = ""
    default_deployment_role_id: str = ""
    default_agent_pool_id: str = ""
    preferred_vcs: Literal["none", "bitbucket", "github", "gitlab"] = "none"
    ai_enablement: str = ""
    neo_enabled: bool = False
    neo_approval_mode: Literal["manual", "auto", "balanced"] = "manual"
    neo_task_sharing_mode: Literal["none", "org"] = "none"
    neo_cli_explanations_disabled: bool = True
    natural_language_search_disabled: bool = True
    neo_agent_disabled: bool = True
    has_policies: bool = False
    customer_key: CustomerKey | None = None
    mails_on_failure: bool = False
    mails_on_success: bool = False
    retention_versions: int = 0
    retention_days: int = 0

    def member_permissions(self) -> frozenset[Permission]:
        """Return the permissions that the toggles add to the built-in Member role."""
        toggles = (
            (self.members_can_create_stacks, Permission.STACK_CREATE),
            (self.members_can_create_teams, Permission.TEAM_CREATE),
            (self.members_can_create_accounts, Permission.INSIGHTS_ACCOUNT_CREATE),
        )
        return frozenset(permission for is_on, permission in toggles if is_on)

    def withheld_permissions(self) -> frozenset[Permission]:
        """Return the permissions that plain members do not have even on stacks that they administer."""
        toggles = (
            (self.members_can_delete_stacks, Permission.STACK_DELETE),
            (self.members_can_transfer_stacks, Permission.STACK_TRANSFER),
        )
        return frozenset(permission for is_on, permission in toggles if not is_on)

    def added_permissions(self, before: "OrgSettings") -> frozenset[Permission]:
        """Return the permissions that members have with these settings and not with those before, compared by kind."""
        return frozenset[Permission]().union(*(new - old for new, old in zip(self.levels(), before.levels(), strict=True)))

    def levels(self) -> tuple[frozenset[Permission], ...]:
        """Return the permissions of members by kind: in the organization, on stacks, on their own stacks, on other things."""
        return (
            self.member_permissions(),
            STACK_LEVELS[self.default_stack_permission],
            frozenset({Permission.STACK_DELETE, Permission.STACK_TRANSFER}) - self.withheld_permissions(),
            ENVIRONMENT_LEVELS[self.default_environment_permission],
            _ACCOUNT_LEVELS[self.default_account_permission],
        )


DEFAULT = OrgSettings()


def decode(text: str) -> OrgSettings:
    """Return the settings of an organization's row."""
    return msgspec.json.decode(text, type=OrgSettings) if text != "{}" else DEFAULT


def encode(settings: OrgSettings) -> str:
    """Return the text for an organization's row."""
    return msgspec.json.encode(settings).decode()
