"""The permissions of a caller in an organization and on one thing in it: a union of several sources. No I/O.

Sources, in the order of docs: the built-in or custom role, the organization's settings for members, the roles of teams,
grants on single stacks, and the creator's own stacks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from common.core.errors import Forbidden, SignInProblem, SignInRequired
from common.rights.descriptor import Descriptor
from common.rights.org_settings import DEFAULT, ENVIRONMENT_LEVELS, EnvironmentLevel, OrgSettings
from common.rights.permissions import ENVIRONMENT_ADMIN, ROLES, STACK_ADMIN, STACK_LEVELS, Permission, Role, StackLevel
from common.rights.predicate import ALWAYS, NEVER, Entity, EntityKind, Predicate, either
from common.rights.rules import permissions_on, where_granted

# The number of permissions that an error names.
_SHOWN = 5
_EVERYTHING = frozenset(Permission)


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant of a team or a user on one thing: a level, or a custom permission set."""

    level: StackLevel = StackLevel.NONE
    rules: Descriptor | None = None


class SourceKind(StrEnum):
    """Where permissions come from."""

    ADMIN = "admin"
    BUILT_IN_ROLE = "built-in role"
    CUSTOM_ROLE = "custom role"
    SETTINGS = "settings"
    CREATOR = "creator"
    GRANT = "grant"


@dataclass(frozen=True, slots=True)
class Source:
    """Permissions, and where they come from: `rules` are those of the custom role, `grant` is the grant on the stack."""

    kind: SourceKind
    permissions: frozenset[Permission]
    rules: Descriptor | None = None
    grant: Grant | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """The caller's membership of one organization; a personal one is named like its user.

    `custom_role_id` is set when a custom role replaces the built-in one; then `role` is only what the wire shows. `rules` are
    those of the custom roles of the caller and of their teams. `barred` says why the caller's token may not
    be used in this organization; empty when it may. `saml_problem` is set while the caller has to sign in through the
    organization's SAML provider first.
    """

    org_id: str
    login: str
    name: str
    avatar_url: str
    role: Role
    is_personal: bool
    custom_role_id: str | None = None
    settings: OrgSettings = DEFAULT
    rules: tuple[Descriptor, ...] = ()
    team_ids: tuple[str, ...] = ()
    administered_team_ids: frozenset[str] = frozenset()
    barred: str = ""
    saml_problem: SignInProblem | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether the caller's token may be used in this organization."""
        return not self.barred and self.saml_problem is None

    def require_open(self) -> None:
        """Raise Forbidden for a token that may not be used in this organization, SignInRequired when a sign-in would help."""
        if self.saml_problem is not None:
            raise SignInRequired(self.saml_problem, self.login)
        if self.barred:
            raise Forbidden(self.barred)

    @property
    def is_admin(self) -> bool:
        """Tell whether the caller may do everything in the organization."""
        return self.role is Role.ADMIN and self.custom_role_id is None

    def permissions(self) -> frozenset[Permission]:
        """Return the permissions in the organization itself."""
        if self.is_admin:
            return _EVERYTHING
        return frozenset[Permission]().union(*(source.permissions for source in self.sources()))

    def sources(self, entity: Entity | None = None) -> Iterator[Source]:
        """Yield where permissions on one thing that is not a stack come from, or in the organization itself (None)."""
        if self.is_admin:
            yield Source(SourceKind.ADMIN, _EVERYTHING)
            return
        yield Source(SourceKind.BUILT_IN_ROLE, self._built_in())
        for rules in self.rules:
            yield Source(SourceKind.CUSTOM_ROLE, permissions_on(rules, entity), rules=rules)

    def require_permissions(self, permissions: frozenset[Permission]) -> None:
        """Raise Forbidden unless the caller has all these permissions, which they want to give, in the organization."""
        lacking = sorted(permissions - self.permissions() - (self.member_stack_permissions() - self.withheld_permissions()))
        if lacking:
            shown = ", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else "")
            raise Forbidden(f"you cannot give permissions that you do not have in organization {self.login}: {shown}")

    def require_as_member(self) -> None:
        """Raise Forbidden unless the caller has the permissions of plain members, to give them to a token."""
        if not self._is_plain_member:
            settings = self.settings
            self.require_permissions(
                ROLES[Role.MEMBER] | settings.member_permissions() | STACK_LEVELS[settings.default_stack_permission]
            )

    def permissions_on(self, entity: Entity) -> frozenset[Permission]:
        """Return the permissions of roles on one thing that is not a stack."""
        if self.is_admin:
            return _EVERYTHING
        return frozenset[Permission]().union(*(source.permissions for source in self.sources(entity)))

    def permissions_on_stack(self, stack: Entity, grants: Iterable[Grant], *, is_creator: bool) -> frozenset[Permission]:
        """Return the permissions on a stack with the grants of the caller and of the caller's teams."""
        if self.is_admin:
            return _EVERYTHING
        sources = self.sources_on_stack(stack, grants, is_creator=is_creator)
        return frozenset[Permission]().union(*(source.permissions for source in sources))

    def sources_on_stack(self, stack: Entity, grants: Iterable[Grant], *, is_creator: bool) -> Iterator[Source]:
        """Yield where permissions on a stack come from; together they are the permissions."""
        yield from self.sources(stack)
        if self.is_admin:
            return
        withheld = self.withheld_permissions()
        yield Source(SourceKind.SETTINGS, self.member_stack_permissions() - withheld)
        if is_creator:
            yield Source(SourceKind.CREATOR, STACK_ADMIN - withheld)
        for grant in grants:
            of_set = permissions_on(grant.rules, stack) if grant.rules is not None else frozenset[Permission]()
            yield Source(SourceKind.GRANT, (STACK_LEVELS[grant.level] - withheld) | of_set, grant=grant)

    def permissions_on_environment(
        self, environment: Entity, levels: Iterable[EnvironmentLevel], *, is_owner: bool
    ) -> frozenset[Permission]:
        """Return the permissions on an environment with the levels of the caller's teams on it."""
        if self.is_admin:
            return _EVERYTHING
        permissions = self._member_environment_permissions() | (ENVIRONMENT_ADMIN if is_owner else frozenset())
        permissions = permissions.union(*(ENVIRONMENT_LEVELS[level] for level in levels))
        return permissions.union(self._built_in(), *(permissions_on(rules, environment) for rules in self.rules))

    def where_environments(self, permissions: frozenset[Permission]) -> Predicate:
        """Return the environments on which roles and settings give one of the permissions, apart from teams and ownership."""
        if self.is_admin or self._member_environment_permissions() & permissions:
            return ALWAYS
        return either(where_granted(rules, permissions, EntityKind.ENVIRONMENT) for rules in self.rules)

    def _member_environment_permissions(self) -> frozenset[Permission]:
        """Return the permissions that members have on every environment."""
        return ENVIRONMENT_LEVELS[self.settings.default_environment_permission] if self._is_plain_member else frozenset()

    def member_stack_permissions(self) -> frozenset[Permission]:
        """Return the permissions that members have on every stack."""
        return STACK_LEVELS[self.settings.default_stack_permission] if self._is_plain_member else frozenset()

    def withheld_permissions(self) -> frozenset[Permission]:
        """Return the permissions that members do not have even on stacks that they administer."""
        return self.settings.withheld_permissions() if self._is_plain_member else frozenset()

    def where(self, permissions: frozenset[Permission]) -> Predicate:
        """Return the stacks on which roles and settings give one of the permissions, apart from grants."""
        if self.is_admin or self.member_stack_permissions() & permissions:
            return ALWAYS
        return either(where_granted(rules, permissions, EntityKind.STACK) for rules in self.rules)

    @property
    def _is_plain_member(self) -> bool:
        return self.role is Role.MEMBER and self.custom_role_id is None

    def _built_in(self) -> frozenset[Permission]:
        if self.custom_role_id is not None:
            return frozenset()
        return ROLES[self.role] | (self.settings.member_permissions() if self._is_plain_member else frozenset())


@dataclass(frozen=True, slots=True)
class StackScope:
    """The stacks of an organization that a caller sees in a list: those of the predicate, and those with a grant.

    `principals` are the ids of the caller and the caller's teams; a grant on a stack names one of them. Stacks that the
    caller created are included.
    """

    org_id: str
    predicate: Predicate
    creator_id: str
    principals: tuple[str, ...] = field(default=())

    @property
    def is_everything(self) -> bool:
        """Tell whether all stacks of the organization are included."""
        return self.predicate == ALWAYS

    @property
    def is_nothing_by_rule(self) -> bool:
        """Tell whether only grants and ownership can show a stack."""
        return self.predicate == NEVER
