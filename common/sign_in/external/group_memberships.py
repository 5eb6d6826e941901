"""Adds people to organizations and teams by their groups at the OpenID Connect provider (STACKHOLD_OIDC_GROUP_TEAMS).

At each sign-in a user joins the organizations and teams that their groups lead to, and leaves the teams of the setting that
their groups no longer lead to. All other memberships stay, also those in the organizations themselves.
"""

import logging
from collections.abc import Iterable
from itertools import groupby

from sqlalchemy import Connection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.config import identity_providers
from common.config.identity_providers import GroupTeam
from common.people.orgs.members import steps as members
from common.people.teams import provider_groups
from common.sign_in.external.repository import group_memberships
from common.sign_in.model import GroupTarget

LOG = logging.getLogger("stackhold.identity")


def update(tx: Connection, backend: Backend, user_id: str, groups: frozenset[str]) -> None:
    """Change a user's memberships to what their groups lead to, a step. One statement if nothing changes."""
    rules = identity_providers.group_teams(backend.settings)
    if not rules:
        return
    teams = {rule.team for rule in rules if rule.team is not None}
    targets = group_memberships.find_targets(tx, user_id, {rule.org for rule in rules}, teams or {""})
    _log_unknown(rules, targets)
    matching = [rule for rule in rules if rule.group in groups]
    # By login, the order in which every use case locks several organizations.
    for _, in_org in groupby(targets, key=lambda target: target.org):
        _update_in_org(tx, backend, user_id, rules, matching, targets=list(in_org))


def _update_in_org(
    tx: Connection,
    backend: Backend,
    user_id: str,
    rules: Iterable[GroupTeam],
    matching: Iterable[GroupTeam],
    *,
    targets: list[GroupTarget],
) -> None:
    first, now = targets[0], backend.clock.now()
    if not first.is_shared:
        return
    all_teams = {rule.team for rule in rules if rule.org == first.org}
    user_teams = {rule.team for rule in matching if rule.org == first.org}
    needed = {target.team_id for target in targets if target.team in user_teams} - {None}
    current = {target.team_id for target in targets if target.is_in_team and target.team in all_teams} - {None}
    removed = provider_groups.remove_from_teams(tx, [team_id for team_id in current - needed if team_id], user_id)
    is_new = False
    added = 0
    if user_teams and (not first.is_member or needed - current):
        is_new = members.add_if_missing(tx, first.org_id, user_id, now)
        added = provider_groups.add_to_teams(tx, first.org_id, [team_id for team_id in needed - current if team_id], user_id, now)
    if is_new:
        description = "Became a member through groups of the identity provider"
        audit.record_by_user(tx, backend, user_id, first.org_id, Event.MEMBER_ADDED, description=description)
    if added or removed:
        description = f"Groups of the identity provider: joined {added} teams and left {removed}"
        audit.record_by_user(tx, backend, user_id, first.org_id, Event.TEAM_UPDATED, description=description)


def _log_unknown(rules: Iterable[GroupTeam], targets: list[GroupTarget]) -> None:
    setting = identity_providers.GROUP_TEAMS
    orgs = {target.org for target in targets if target.is_shared}
    teams = {(target.org, target.team) for target in targets}
    for rule in rules:
        if rule.org not in orgs:
            LOG.warning("%s: there is no shared organization %s", setting, rule.org)
        elif rule.team is not None and (rule.org, rule.team) not in teams:
            LOG.warning("%s: organization %s has no team %s that groups can be mapped to", setting, rule.org, rule.team)
