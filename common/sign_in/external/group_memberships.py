"""Lets the groups of the OpenID Connect provider lead into organizations and teams, as STACKHOLD_OIDC_GROUP_TEAMS says.

At each sign-in somebody is made a member of what their groups lead to, and leaves those teams among the setting's that
their groups lead to no longer. All other places stay as they are, the organizations themselves among them.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from common.config import identity_providers
from common.config.identity_providers import GroupTeam
from common.config.settings import Settings
from common.people.orgs.members import steps as members
from common.people.teams import provider_groups
from common.sign_in.external.repository import group_memberships
from common.sign_in.model import Place

LOG = logging.getLogger("stackhold.identity")


def follow(tx: Connection, settings: Settings, user_id: str, groups: frozenset[str], now: datetime) -> None:
    """Change somebody's places to what their groups lead to: a step. One statement when nothing is to be changed."""
    rules = identity_providers.group_teams(settings)
    if not rules:
        return
    teams = {rule.team for rule in rules if rule.team is not None}
    places = group_memberships.find_places(tx, user_id, {rule.org for rule in rules}, teams or {""})
    _note_unknown(rules, places)
    wanted = [rule for rule in rules if rule.group in groups]
    # In the order of logins, as everybody else who changes several organizations at once.
    for _, of_org in groupby(places, key=lambda place: place.org):
        _follow_in(tx, user_id, rules, wanted, list(of_org), now=now)


def _follow_in(
    tx: Connection,
    user_id: str,
    rules: Iterable[GroupTeam],
    wanted: Iterable[GroupTeam],
    places: list[Place],
    *,
    now: datetime,
) -> None:
    first = places[0]
    if not first.is_shared:
        return
    named = {rule.team for rule in rules if rule.org == first.org}
    given = {rule.team for rule in wanted if rule.org == first.org}
    belongs = {place.team_id for place in places if place.team in given} - {None}
    held = {place.team_id for place in places if place.is_in_team and place.team in named} - {None}
    provider_groups.remove_from_teams(tx, [one for one in held - belongs if one], user_id)
    if given and (not first.is_member or belongs - held):
        members.add_if_missing(tx, first.org_id, user_id, now)
        provider_groups.add_to_teams(tx, first.org_id, [one for one in belongs - held if one], user_id, now)


def _note_unknown(rules: Iterable[GroupTeam], places: list[Place]) -> None:
    orgs = {place.org for place in places if place.is_shared}
    teams = {(place.org, place.team) for place in places}
    for rule in rules:
        if rule.org not in orgs:
            LOG.warning("%s: there is no shared organization %s", identity_providers.GROUP_TEAMS, rule.org)
        elif rule.team is not None and (rule.org, rule.team) not in teams:
            LOG.warning(
                "%s: organization %s has no team %s that groups may lead to", identity_providers.GROUP_TEAMS, rule.org, rule.team
            )
