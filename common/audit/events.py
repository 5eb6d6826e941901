"""Events of the audit log: upstream's identifiers, and their meanings. No I/O."""

from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    """The events that this release records, by upstream's identifiers (platform.md 8)."""

    AUTH_FAILURE_ENVIRONMENT = "auth-failure-environment"
    AUTH_FAILURE_ROLE = "auth-failure-organization-role"
    AUTH_FAILURE_SCIM = "auth-failure-scim-access-token"
    AUTH_FAILURE_STACK = "auth-failure-stack-permission"
    USER_LOGIN = "user-login"
    USER_LOGIN_FAILED = "user-login-failed"
    USER_ADDED_IDENTITY = "user-added-new-identity-to-their-account"
    MEMBER_ADDED = "member-added"
    MEMBER_REMOVED = "member-removed"
    MEMBER_ROLE_CHANGED = "member-role-changed"
    # Ours: only a directory suspends members upstream.
    MEMBER_SUSPENDED = "member-suspended"
    MEMBER_REINSTATED = "member-reinstated"
    INVITE_SENT = "organization-invite-sent"
    INVITE_ACCEPTED = "organization-invite-accepted"
    INVITE_CANCELED = "organization-invite-canceled"
    SETTINGS_CHANGED = "organization-settings-changed"
    ORG_TOKEN_CREATED = "organization-token-created"  # noqa: S105 - the name of an event, as are those below
    ORG_TOKEN_EXCHANGED = "organization-token-created-for-oidc-issuer"  # noqa: S105
    ORG_TOKEN_DELETED = "organization-token-deleted"  # noqa: S105
    TEAM_TOKEN_CREATED = "team-token-created"  # noqa: S105
    TEAM_TOKEN_EXCHANGED = "team-token-created-for-oidc-issuer"  # noqa: S105
    TEAM_TOKEN_DELETED = "team-token-deleted"  # noqa: S105
    PERSONAL_TOKEN_EXCHANGED = "personal-token-created-for-oidc-issuer"  # noqa: S105
    # Ours: upstream names no events for these.
    PERSONAL_TOKEN_CREATED = "personal-token-created"  # noqa: S105
    PERSONAL_TOKEN_DELETED = "personal-token-deleted"  # noqa: S105
    ROLE_CREATED = "custom-role-created"
    ROLE_UPDATED = "custom-role-updated"
    ROLE_DELETED = "custom-role-deleted"
    TEAM_CREATED = "team-created"
    TEAM_UPDATED = "team-updated"
    TEAM_DELETED = "team-deleted"
    ISSUER_REGISTERED = "oidc-issuer-registered"
    ISSUER_UPDATED = "oidc-issuer-updated"
    ISSUER_DELETED = "oidc-issuer-deleted"
    ISSUER_REFUSED = "oidc-issuer-validation-failed"
    POLICY_UPDATED = "authorization-policy-updated"
    SAML_UPDATED = "saml-configuration-updated"
    CUSTOMER_KEY_ADDED = "customer-managed-key-added"
    CUSTOMER_KEY_DISABLED = "customer-managed-key-disabled"
    CUSTOMER_KEY_DISABLED_ALL = "customer-managed-key-disabled-all"
    CUSTOMER_KEY_SET_DEFAULT = "customer-managed-key-set-default"
    STACK_CREATED = "stack-created"
    STACK_DELETED = "stack-deleted"
    STACK_RENAMED = "stack-renamed"
    STACK_TRANSFERRED = "stack-transferred-to-organization"
    STACK_EXPORTED = "stack-exported"
    STACK_IMPORTED = "stack-imported"
    STACK_OUTPUTS_READ = "stack-outputs-read"
    # Ours: upstream names no events for these.
    STACK_TAGS_UPDATED = "stack-tags-updated"
    STACK_CONFIG_UPDATED = "stack-config-updated"
    STACK_CONFIG_DELETED = "stack-config-deleted"
    UPDATE_STARTED = "stack-update-started"
    UPDATE_COMPLETED = "stack-update-completed"
    UPDATE_CANCELED = "stack-update-canceled"
    STACK_ACCESS_CHANGED = "stack-collaborator-permissions-changed"
    STACK_ACCESS_REMOVED = "stack-collaborator-removed"
    # Ours: upstream names no events for these.
    STACK_ANNOTATION_CHANGED = "stack-annotation-changed"
    STACK_NOTIFICATIONS_CHANGED = "stack-notification-settings-changed"
    STACK_VERSIONS_DELETED = "stack-versions-deleted"
    POLICY_GROUP_CREATED = "policy-group-created"
    POLICY_GROUP_UPDATED = "policy-group-updated"
    POLICY_GROUP_DELETED = "policy-group-deleted"
    POLICY_PACK_CREATED = "policy-pack-created"
    POLICY_PACK_ENABLED = "policy-pack-enabled"
    POLICY_PACK_DISABLED = "policy-pack-disabled"
    POLICY_PACK_DELETED = "policy-pack-deleted"
    # Ours: upstream names no events for these.
    POLICY_ISSUE_UPDATED = "policy-issue-updated"
    POLICY_EXCEPTION_CREATED = "policy-exception-created"
    POLICY_EXCEPTION_REMOVED = "policy-exception-removed"
    SECRET_DECRYPTED = "secret-decrypted"  # noqa: S105
    SECRETS_DECRYPTED = "secrets-batch-decrypted"
    ENVIRONMENT_CREATED = "environment-created"
    ENVIRONMENT_CLONED = "environment-cloned"
    ENVIRONMENT_READ = "environment-read"
    ENVIRONMENT_DECRYPTED = "environment-decrypted"
    ENVIRONMENT_UPDATED = "environment-updated"
    ENVIRONMENT_DELETED = "environment-deleted"
    ENVIRONMENT_RESTORED = "environment-restored"
    ENVIRONMENT_OPENED = "environment-open"
    ENVIRONMENT_OPEN_READ = "environment-read-open"
    ENVIRONMENT_DRAFT_OPENED = "environment-draft-open"
    ENVIRONMENT_ROTATED = "environment-secrets-rotated"
    # Ours: upstream names no events for these.
    ENVIRONMENT_SCHEDULE_CREATED = "environment-schedule-created"
    ENVIRONMENT_SCHEDULE_UPDATED = "environment-schedule-updated"
    ENVIRONMENT_SCHEDULE_PAUSED = "environment-schedule-paused"
    ENVIRONMENT_SCHEDULE_RESUMED = "environment-schedule-resumed"
    ENVIRONMENT_SCHEDULE_DELETED = "environment-schedule-deleted"
    ENVIRONMENT_IDENTITY_SIGNED = "environment-oidc-token-signed"
    ENVIRONMENT_PROTECTED = "environment-deletion-protection-enabled"
    ENVIRONMENT_UNPROTECTED = "environment-deletion-protection-disabled"
    ENVIRONMENT_RETRACTED = "environment-revision-retracted"
    ENVIRONMENT_TAG_CREATED = "environment-tag-created"
    ENVIRONMENT_TAG_UPDATED = "environment-tag-updated"
    ENVIRONMENT_TAG_DELETED = "environment-tag-deleted"
    ENVIRONMENT_REVISION_TAG_CREATED = "environment-revision-tag-created"
    ENVIRONMENT_REVISION_TAG_UPDATED = "environment-revision-tag-updated"
    ENVIRONMENT_REVISION_TAG_DELETED = "environment-revision-tag-deleted"
    # Upstream's identifiers of these are not known.
    CHANGE_GATE_CREATED = "change-gate-created"
    CHANGE_GATE_UPDATED = "change-gate-updated"
    CHANGE_GATE_DELETED = "change-gate-deleted"
    # Ours: upstream has no events for these.
    CHANGE_REQUEST_CREATED = "change-request-created"
    CHANGE_REQUEST_UPDATED = "change-request-updated"
    CHANGE_REQUEST_SUBMITTED = "change-request-submitted"
    CHANGE_REQUEST_APPROVED = "change-request-approved"
    CHANGE_REQUEST_UNAPPROVED = "change-request-unapproved"
    CHANGE_REQUEST_APPLIED = "change-request-applied"
    CHANGE_REQUEST_CLOSED = "change-request-closed"
    CHANGE_REQUEST_COMMENTED = "change-request-commented"
    WEBHOOK_CREATED = "webhook-created"
    WEBHOOK_UPDATED = "webhook-updated"
    WEBHOOK_DELETED = "webhook-deleted"
    AUDIT_EXPORT_UPDATED = "audit-log-export-updated"
    AUDIT_EXPORT_DELETED = "audit-log-export-deleted"
    AUDIT_EXPORT_FORCED = "audit-log-export-forced"


@dataclass(frozen=True, slots=True)
class EventKind:
    """The meaning of an event, and upstream's marks of it."""

    title: str
    meaning: str
    needs_org_admin: bool = True
    is_refusal: bool = False
    needs_stack_admin: bool = False


E = Event
KINDS: dict[Event, EventKind] = {
    E.AUTH_FAILURE_ENVIRONMENT: EventKind(
        "Environment refused", "A caller lacked a permission on an environment.", needs_org_admin=False, is_refusal=True
    ),
    E.AUTH_FAILURE_ROLE: EventKind(
        "Organization role refused", "A caller lacked a permission in the organization.", needs_org_admin=False, is_refusal=True
    ),
    E.AUTH_FAILURE_SCIM: EventKind(
        "SCIM token refused",
        "A request to the directory's address had a token that is not valid.",
        needs_org_admin=False,
        is_refusal=True,
    ),
    E.AUTH_FAILURE_STACK: EventKind(
        "Stack permission refused", "A caller lacked a permission on a stack.", needs_org_admin=False, is_refusal=True
    ),
    E.USER_LOGIN: EventKind("User login", "A member signed in.", needs_org_admin=False),
    E.USER_LOGIN_FAILED: EventKind(
        "User login failed", "A sign-in of a member was refused.", needs_org_admin=False, is_refusal=True
    ),
    E.USER_ADDED_IDENTITY: EventKind(
        "Identity added", "A user can sign in in another way, or under another name.", needs_org_admin=False
    ),
    E.MEMBER_ADDED: EventKind("Member added", "A user became a member."),
    E.MEMBER_REMOVED: EventKind("Member removed", "A membership ended."),
    E.MEMBER_ROLE_CHANGED: EventKind("Member role changed", "A member got another role."),
    E.MEMBER_SUSPENDED: EventKind("Member suspended", "A member lost access until an admin reinstates them."),
    E.MEMBER_REINSTATED: EventKind("Member reinstated", "A suspended member has access again."),
    E.INVITE_SENT: EventKind("Invitation sent", "People were invited."),
    E.INVITE_ACCEPTED: EventKind("Invitation accepted", "An invitation was used.", needs_org_admin=False),
    E.INVITE_CANCELED: EventKind("Invitation canceled", "An invitation was canceled."),
    E.SETTINGS_CHANGED: EventKind("Settings changed", "The settings of the organization changed."),
    E.ORG_TOKEN_CREATED: EventKind("Organization token created", "An access token of the organization was created."),
    E.ORG_TOKEN_EXCHANGED: EventKind(
        "Organization token created for an issuer",
        "An identity token was exchanged for a token of the organization.",
        needs_org_admin=False,
    ),
    E.ORG_TOKEN_DELETED: EventKind("Organization token deleted", "An access token of the organization was revoked."),
    E.TEAM_TOKEN_CREATED: EventKind("Team token created", "An access token of a team was created."),
    E.TEAM_TOKEN_EXCHANGED: EventKind(
        "Team token created for an issuer",
        "An identity token was exchanged for a token of a team.",
        needs_org_admin=False,
    ),
    E.TEAM_TOKEN_DELETED: EventKind("Team token deleted", "An access token of a team was revoked."),
    E.PERSONAL_TOKEN_EXCHANGED: EventKind(
        "Personal token created for an issuer",
        "An identity token was exchanged for a token of a member.",
        needs_org_admin=False,
    ),
    E.PERSONAL_TOKEN_CREATED: EventKind(
        "Personal token created", "A member created an access token of their own.", needs_org_admin=False
    ),
    E.PERSONAL_TOKEN_DELETED: EventKind(
        "Personal token deleted", "A member revoked an access token of their own.", needs_org_admin=False
    ),
    E.ROLE_CREATED: EventKind("Custom role created", "A role, permission set or policy was created."),
    E.ROLE_UPDATED: EventKind("Custom role updated", "A role, permission set or policy changed."),
    E.ROLE_DELETED: EventKind("Custom role deleted", "A role, permission set or policy was deleted."),
    E.TEAM_CREATED: EventKind("Team created", "A team was created."),
    E.TEAM_UPDATED: EventKind("Team updated", "A team's members, name or rights changed."),
    E.TEAM_DELETED: EventKind("Team deleted", "A team was deleted."),
    E.ISSUER_REGISTERED: EventKind("OIDC issuer registered", "The organization trusts another issuer of identity tokens."),
    E.ISSUER_UPDATED: EventKind("OIDC issuer updated", "A trusted issuer changed."),
    E.ISSUER_DELETED: EventKind("OIDC issuer deleted", "An issuer is no longer trusted."),
    E.ISSUER_REFUSED: EventKind(
        "OIDC issuer validation failed",
        "An identity token was not exchanged.",
        needs_org_admin=False,
        is_refusal=True,
    ),
    E.POLICY_UPDATED: EventKind("Authorization policy updated", "The authorization policies of an issuer changed."),
    E.SAML_UPDATED: EventKind(
        "SAML configuration updated", "The organization's SAML provider, or the rule that members must use it, changed."
    ),
    E.CUSTOMER_KEY_ADDED: EventKind("Customer managed key added", "A key that the organization manages itself was added."),
    E.CUSTOMER_KEY_DISABLED: EventKind(
        "Customer managed key disabled", "A key was disabled; another one wraps the data keys of the organization."
    ),
    E.CUSTOMER_KEY_DISABLED_ALL: EventKind(
        "All customer managed keys disabled",
        "All keys were disabled; the server's own key wraps the data keys of the organization.",
    ),
    E.CUSTOMER_KEY_SET_DEFAULT: EventKind(
        "Customer managed key set as default", "Another key wraps the data keys of the organization."
    ),
    E.STACK_CREATED: EventKind("Stack created", "A stack was created, or a deleted one restored.", needs_org_admin=False),
    E.STACK_DELETED: EventKind("Stack deleted", "A stack was deleted.", needs_org_admin=False, needs_stack_admin=True),
    E.STACK_RENAMED: EventKind("Stack renamed", "A stack got another name or project.", needs_org_admin=False),
    E.STACK_TRANSFERRED: EventKind(
        "Stack transferred to an organization", "A stack moved to another organization; both logs have it.", needs_org_admin=False
    ),
    E.STACK_EXPORTED: EventKind("Stack exported", "The state of a stack was exported.", needs_org_admin=False),
    E.STACK_IMPORTED: EventKind("Stack imported", "A state was imported into a stack.", needs_org_admin=False),
    E.STACK_OUTPUTS_READ: EventKind("Stack outputs read", "The outputs of a stack were read.", needs_org_admin=False),
    E.STACK_TAGS_UPDATED: EventKind("Stack tags updated", "Tags of a stack were set or deleted.", needs_org_admin=False),
    E.STACK_CONFIG_UPDATED: EventKind(
        "Stack configuration updated", "A stack takes its configuration from an environment.", needs_org_admin=False
    ),
    E.STACK_CONFIG_DELETED: EventKind(
        "Stack configuration deleted", "A stack no longer takes its configuration from an environment.", needs_org_admin=False
    ),
    E.UPDATE_STARTED: EventKind("Stack update started", "An update of a stack began.", needs_org_admin=False),
    E.UPDATE_COMPLETED: EventKind(
        "Stack update completed", "An update of a stack ended; the text says how.", needs_org_admin=False
    ),
    E.UPDATE_CANCELED: EventKind("Stack update canceled", "A user canceled an update.", needs_org_admin=False),
    E.STACK_ACCESS_CHANGED: EventKind(
        "Stack permissions changed", "The owner of a stack or a team's level on it changed.", needs_org_admin=False
    ),
    E.STACK_ACCESS_REMOVED: EventKind("Stack collaborator removed", "A grant of a user was removed.", needs_org_admin=False),
    E.STACK_ANNOTATION_CHANGED: EventKind(
        "Stack annotation changed", "An annotation of a stack was written.", needs_org_admin=False
    ),
    E.STACK_NOTIFICATIONS_CHANGED: EventKind(
        "Stack notifications changed", "The mails to the owner of a stack were turned on or off.", needs_org_admin=False
    ),
    E.STACK_VERSIONS_DELETED: EventKind(
        "Stack versions deleted", "The retention policy did not keep the states of versions.", needs_org_admin=False
    ),
    E.POLICY_GROUP_CREATED: EventKind("Policy group created", "A policy group was created."),
    E.POLICY_GROUP_UPDATED: EventKind("Policy group updated", "The name, the rule or the stacks of a policy group changed."),
    E.POLICY_GROUP_DELETED: EventKind("Policy group deleted", "A policy group was deleted."),
    E.POLICY_PACK_CREATED: EventKind("Policy pack published", "A version of a policy pack was published."),
    E.POLICY_PACK_ENABLED: EventKind("Policy pack enabled", "A policy group applies a policy pack, or applies it otherwise."),
    E.POLICY_PACK_DISABLED: EventKind("Policy pack disabled", "A policy group no longer applies a policy pack."),
    E.POLICY_PACK_DELETED: EventKind("Policy pack deleted", "A policy pack or one of its versions was deleted."),
    E.POLICY_ISSUE_UPDATED: EventKind("Policy issue updated", "The status, the priority or the assignee of an issue changed."),
    E.POLICY_EXCEPTION_CREATED: EventKind("Policy exception created", "An exception from a policy was created or changed."),
    E.POLICY_EXCEPTION_REMOVED: EventKind("Policy exception removed", "An exception from a policy was removed."),
    E.SECRET_DECRYPTED: EventKind("Secret decrypted", "A value of a stack was decrypted.", needs_org_admin=False),
    E.SECRETS_DECRYPTED: EventKind("Secrets decrypted", "Several values of a stack were decrypted.", needs_org_admin=False),
    E.ENVIRONMENT_CREATED: EventKind("Environment created", "An environment was created.", needs_org_admin=False),
    E.ENVIRONMENT_CLONED: EventKind("Environment cloned", "An environment was copied.", needs_org_admin=False),
    E.ENVIRONMENT_READ: EventKind(
        "Environment read", "The definition of an environment was read, with its secrets encrypted.", needs_org_admin=False
    ),
    E.ENVIRONMENT_DECRYPTED: EventKind(
        "Environment decrypted", "The secrets of an environment were read in clear.", needs_org_admin=False
    ),
    E.ENVIRONMENT_UPDATED: EventKind(
        "Environment updated", "A revision of an environment was saved, or its owner changed.", needs_org_admin=False
    ),
    E.ENVIRONMENT_DELETED: EventKind("Environment deleted", "An environment was deleted.", needs_org_admin=False),
    E.ENVIRONMENT_RESTORED: EventKind("Environment restored", "A deleted environment was restored.", needs_org_admin=False),
    E.ENVIRONMENT_OPENED: EventKind(
        "Environment opened", "An environment was opened: its values, secrets among them, were computed.", needs_org_admin=False
    ),
    E.ENVIRONMENT_OPEN_READ: EventKind(
        "Opened environment read", "The values of an opened environment were read.", needs_org_admin=False
    ),
    E.ENVIRONMENT_DRAFT_OPENED: EventKind(
        "Draft opened",
        "A draft of an environment was opened: its values, secrets among them, were computed.",
        needs_org_admin=False,
    ),
    E.ENVIRONMENT_ROTATED: EventKind(
        "Secrets rotated", "Secrets of an environment were replaced by new ones.", needs_org_admin=False
    ),
    E.ENVIRONMENT_SCHEDULE_CREATED: EventKind(
        "Schedule created", "Rotations of an environment's secrets were scheduled.", needs_org_admin=False
    ),
    E.ENVIRONMENT_SCHEDULE_UPDATED: EventKind(
        "Schedule updated", "A schedule of rotations was changed; it runs with the rights of the user.", needs_org_admin=False
    ),
    E.ENVIRONMENT_SCHEDULE_PAUSED: EventKind("Schedule paused", "A schedule of rotations was paused.", needs_org_admin=False),
    E.ENVIRONMENT_SCHEDULE_RESUMED: EventKind("Schedule resumed", "A schedule of rotations was resumed.", needs_org_admin=False),
    E.ENVIRONMENT_SCHEDULE_DELETED: EventKind("Schedule deleted", "A schedule of rotations was deleted.", needs_org_admin=False),
    E.ENVIRONMENT_IDENTITY_SIGNED: EventKind(
        "Identity token signed", "An environment was opened that signs an identity token for an audience.", needs_org_admin=False
    ),
    E.ENVIRONMENT_PROTECTED: EventKind(
        "Deletion protection enabled", "An environment cannot be deleted any more.", needs_org_admin=False
    ),
    E.ENVIRONMENT_UNPROTECTED: EventKind(
        "Deletion protection disabled", "An environment can be deleted again.", needs_org_admin=False
    ),
    E.ENVIRONMENT_RETRACTED: EventKind(
        "Revision retracted", "A revision of an environment cannot be used any more.", needs_org_admin=False
    ),
    E.ENVIRONMENT_TAG_CREATED: EventKind("Environment tag created", "A tag was added to an environment.", needs_org_admin=False),
    E.ENVIRONMENT_TAG_UPDATED: EventKind("Environment tag updated", "A tag of an environment changed.", needs_org_admin=False),
    E.ENVIRONMENT_TAG_DELETED: EventKind(
        "Environment tag deleted", "A tag of an environment was deleted.", needs_org_admin=False
    ),
    E.ENVIRONMENT_REVISION_TAG_CREATED: EventKind(
        "Revision tag created", "A revision of an environment was tagged.", needs_org_admin=False
    ),
    E.ENVIRONMENT_REVISION_TAG_UPDATED: EventKind(
        "Revision tag updated", "A revision tag moved to another revision.", needs_org_admin=False
    ),
    E.ENVIRONMENT_REVISION_TAG_DELETED: EventKind("Revision tag deleted", "A revision tag was deleted.", needs_org_admin=False),
    E.CHANGE_GATE_CREATED: EventKind("Change gate created", "Actions on a target were made to need approvals."),
    E.CHANGE_GATE_UPDATED: EventKind("Change gate updated", "A change gate was changed."),
    E.CHANGE_GATE_DELETED: EventKind("Change gate deleted", "A change gate was deleted."),
    E.CHANGE_REQUEST_CREATED: EventKind(
        "Change request created", "A change of an environment, or opening it, was proposed.", needs_org_admin=False
    ),
    E.CHANGE_REQUEST_UPDATED: EventKind(
        "Change request updated", "A change request got another revision or description.", needs_org_admin=False
    ),
    E.CHANGE_REQUEST_SUBMITTED: EventKind(
        "Change request submitted", "A change request was submitted for approval.", needs_org_admin=False
    ),
    E.CHANGE_REQUEST_APPROVED: EventKind("Change request approved", "A user approved a change request.", needs_org_admin=False),
    E.CHANGE_REQUEST_UNAPPROVED: EventKind(
        "Change request unapproved", "A user withdrew their approval of a change request.", needs_org_admin=False
    ),
    E.CHANGE_REQUEST_APPLIED: EventKind("Change request applied", "A change request was applied.", needs_org_admin=False),
    E.CHANGE_REQUEST_CLOSED: EventKind(
        "Change request closed", "A change request was closed without being applied.", needs_org_admin=False
    ),
    E.CHANGE_REQUEST_COMMENTED: EventKind(
        "Change request commented", "A user commented on a change request.", needs_org_admin=False
    ),
    E.WEBHOOK_CREATED: EventKind("Webhook created", "A webhook of the organization, a stack or an environment was created."),
    E.WEBHOOK_UPDATED: EventKind("Webhook updated", "A webhook was changed."),
    E.WEBHOOK_DELETED: EventKind("Webhook deleted", "A webhook was deleted."),
    E.AUDIT_EXPORT_UPDATED: EventKind("Audit log export updated", "Where the audit log is exported every hour changed."),
    E.AUDIT_EXPORT_DELETED: EventKind("Audit log export deleted", "The audit log is no longer exported every hour."),
    E.AUDIT_EXPORT_FORCED: EventKind("Audit log export forced", "An hour of the audit log was exported at once."),
}
del E


DESCRIPTION_LIMIT = 2_048
NAME_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Actor:
    """The user who did something, the token that they used, and the address that they called from."""

    user_id: str
    login: str
    token_id: str | None = None
    token_name: str = ""
    source_ip: str = ""

    @property
    def urn(self) -> str:
        """Return our own name of an actor for `actorUrn`. Logins of machines and directories have a slash."""
        return f"urn:stackhold:{'machine' if '/' in self.login else 'user'}:{self.login}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log; `recorded_at` in unix milliseconds. Name, email and picture are the actor's current ones."""

    id: str
    recorded_at: int
    event: str
    description: str
    actor: Actor
    name: str
    email: str
    avatar_url: str

    @property
    def kind(self) -> Event | None:
        """Return the event, or None for one of another release."""
        return next((event for event in Event if event == self.event), None)


@dataclass(frozen=True, slots=True)
class Search:
    """A filter of entries: times in unix milliseconds, both bounds included; empty sets mean all."""

    since: int | None = None
    until: int | None = None
    events: frozenset[str] = frozenset()
    user_ids: frozenset[str] = frozenset()
