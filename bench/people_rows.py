"""Fills a database with organizations full of stacks and people, straight into its tables: some hundred thousand rows.

Every organization looks the same. Its members belong to two teams each, every team was given some stacks, every member made
some, and custom roles look at the tag `env`. A few people are members of all organizations: their lists are the long ones.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert

from common.db.engine import Database
from common.db.tables import access
from common.db.tables import people as t_people
from common.db.tables import stacks as t
from common.rights import descriptor as d
from common.rights.org_settings import OrgSettings, encode
from common.rights.permissions import Permission, StackLevel

_NOW = 1_767_225_600_000
_NEVER_SOON = _NOW + 10 * 365 * 86_400_000
ROAMERS = {"everywhere": "admin", "tagged": "dev", "rarely": "rare", "excluding": "other", "given": None}
_ROLES_OF_TEAMS, _TOKENS, _INVITES, _GRANTS = 7, 50, 50, 50
_ENVIRONMENTS = ("dev", "test", "stage", "prod")
_RARE = 200
Row = dict[str, Any]
Pairs = Iterator[tuple[Table, Row]]


@dataclass(frozen=True, slots=True)
class Size:
    """How many organizations there are, and how much is in each."""

    orgs: int = 100
    stacks: int = 1000
    members: int = 200
    teams: int = 20

    @property
    def projects(self) -> int:
        """Return how many projects share the stacks of an organization."""
        return max(1, self.stacks // 20)


def token_of(login: str) -> str:
    """Return the access token of a person."""
    return f"pul-{sha256(login.encode()).hexdigest()[:40]}"


def org_login(org: int) -> str:
    """Return an organization's name."""
    return f"org{org:03}"


def login_of(org: int, member: int) -> str:
    """Return the login of a member: the first of an organization is its admin, the last are those who are in all of them."""
    return f"person{org:03}-{member:03}"


def project_of(stack: int, size: Size) -> str:
    """Return the name of the project of a stack."""
    return f"project{stack % size.projects:03}"


def fill(database: Database, size: Size) -> tuple[int, float]:
    """Insert everything, an organization at a time, and return the number of rows and the seconds it took."""
    started = time.perf_counter()
    with database.begin() as tx:
        count = _add(tx, (pair for login in ROAMERS for pair in _person(login)))
    for org in range(size.orgs):
        with database.begin() as tx:
            count += _add(tx, _organization(org, size))
    return count, time.perf_counter() - started


def _add(tx: Connection, found: Pairs) -> int:
    rows: dict[Table, list[Row]] = {}
    for table, row in found:
        rows.setdefault(table, []).append(row)
    for table, several in rows.items():
        tx.execute(insert(table), several)
    return sum(map(len, rows.values()))


def _organization(org: int, size: Size) -> Pairs:
    org_id = id_of("org", org)
    settings = encode(OrgSettings(default_stack_permission=StackLevel.NONE))
    yield t_people.organizations, _named(org_id, org_login(org)) | {"settings": settings}
    own = [login_of(org, member) for member in range(max(1, size.members - len(ROAMERS)))]
    for login in own:
        yield from _person(login)
    people = [*own, *ROAMERS]
    yield from _roles(org, org_id)
    yield from _members(org, org_id, people)
    yield from _teams(org, org_id, people, size)
    yield from _stacks(org, org_id, people, size)
    yield from _tokens(org, org_id, people[0], size)


def _person(login: str) -> Pairs:
    user_id = id_of("user", login)
    yield (
        t_people.users,
        {
            "id": user_id,
            "login": login,
            "is_machine": False,
            "name": login.title(),
            "email": f"{login}@example.com",
            "avatar_url": "",
            "site_admin": False,
            "created_at": _NOW,
        },
    )
    personal = id_of("org", login)
    yield t_people.organizations, _named(personal, login) | {"personal_user_id": user_id}
    yield t_people.members, _member(personal, user_id, "admin", None)
    yield (
        access.access_tokens,
        _token(f"{login}-0", "personal", user_id)
        | {
            "token_hash": sha256(token_of(login).encode()).hexdigest(),
            "last_used_at": _NEVER_SOON,
        },
    )


def _roles(org: int, org_id: str) -> Pairs:
    env = d.Tag(context=d.Stack(), key="env")
    among = d.In(target=env, values=d.SetString(values=list(_ENVIRONMENTS[:2])))
    rare = d.Equal(left=env, right=d.LiteralString(value="rare"))
    other = d.Not(node=d.In(target=env, values=d.SetString(values=list(_ENVIRONMENTS[1:]))))
    conditions: dict[str, d.Boolean] = {"dev": among, "rare": rare, "other": other}
    leaf = d.Allow(permissions=[Permission.STACK_READ, Permission.STACK_LIST])
    found: dict[str, d.Descriptor] = {
        name: d.Condition(condition=condition, sub_node=leaf) for name, condition in conditions.items()
    }
    # What teams hold shows no stack, so that some people see those alone that they were given.
    found |= {f"role{number}": d.Allow(permissions=[Permission.STACK_CREATE]) for number in range(_ROLES_OF_TEAMS)}
    for name, descriptor in found.items():
        text = d.encode(descriptor)
        yield (
            access.roles,
            {
                "id": id_of("role", org, name),
                "org_id": org_id,
                "purpose": "role",
                "name": name,
                "description": "",
                "resource_type": "global",
                "details": text,
                "rules": text,
                "version": 1,
                "created_at": _NOW,
                "modified_at": _NOW,
            },
        )


def _members(org: int, org_id: str, people: list[str]) -> Pairs:
    for number, login in enumerate(people):
        role = ROAMERS.get(login, "admin" if number == 0 else None)
        custom = id_of("role", org, role) if role not in ("admin", None) else None
        yield t_people.members, _member(org_id, id_of("user", login), "admin" if role == "admin" else "member", custom)
    for number in range(_INVITES):
        yield (
            t_people.invites,
            {
                "id": id_of("invite", org, number),
                "org_id": org_id,
                "email": f"new{number}@example.com",
                "role": "member",
                "sent_by": id_of("user", people[0]),
                "sent_at": _NOW + number,
                "expires_at": _NEVER_SOON,
            },
        )


def _teams(org: int, org_id: str, people: list[str], size: Size) -> Pairs:
    for team in range(size.teams):
        team_id = id_of("team", org, team)
        yield (
            t_people.teams,
            {
                "id": team_id,
                "org_id": org_id,
                "kind": "pulumi",
                "name": f"team{team:02}",
                "display_name": "",
                "description": "",
                "created_at": _NOW,
            },
        )
        held = id_of("role", org, f"role{team % _ROLES_OF_TEAMS}")
        yield access.team_roles, {"team_id": team_id, "role_id": held, "created_at": _NOW}
        for stack in range(min(_GRANTS, size.stacks)):
            yield access.stack_grants, _grant(org, (team * _GRANTS + stack) % size.stacks, team_id, is_team=True)
    for number, login in enumerate(people):
        for team in {number % size.teams, (number + 7) % size.teams}:
            yield (
                t_people.team_members,
                {
                    "team_id": id_of("team", org, team),
                    "user_id": id_of("user", login),
                    "org_id": org_id,
                    "role": "member",
                    "created_at": _NOW,
                },
            )


def _stacks(org: int, org_id: str, people: list[str], size: Size) -> Pairs:
    for number in range(size.stacks):
        stack_id, maker = id_of("stack", org, number), id_of("user", people[number % len(people)])
        project = project_of(number, size)
        env = "rare" if number % _RARE == 0 else _ENVIRONMENTS[number % len(_ENVIRONMENTS)]
        tags = {"pulumi:project": project, "pulumi:runtime": "python", "env": env}
        yield (
            t.stacks,
            {
                "id": stack_id,
                "org_id": org_id,
                "project": project,
                "name": f"stack{number:05}",
                "live": 1,
                "tags": msgspec.json.encode(tags).decode(),
                "wrapped_key": b"\0" * 120,
                "created_by": maker,
                "created_at": _NOW,
            },
        )
        for name, value in tags.items():
            yield t.stack_tags, {"stack_id": stack_id, "name": name, "value": value}
        for version in range(2):
            yield t.updates, _update(stack_id, version, maker, (org_login(org), project, f"stack{number:05}"))
        given = id_of("user", people[(number + 1) % len(people)])
        yield access.stack_grants, _grant(org, number, given, is_team=False)


def _update(stack_id: str, version: int, requested_by: str, path: tuple[str, str, str]) -> Row:
    return {
        "id": id_of("update", stack_id, version),
        "stack_id": stack_id,
        "kind": "update" if version else "create",
        "dry_run": False,
        "status": "succeeded",
        "version": version,
        "program": "{}",
        "requested_by": requested_by,
        "origin": "",
        "cli_version": "3.274.1",
        "created_at": _NOW,
        "started_at": _NOW,
        "ended_at": _NOW,
        "after_version": 0,
        "journal_version": 0,
        "checkpoint_sequence": 0,
        "state_owner": path[0],
        "state_project": path[1],
        "state_name": path[2],
        "resource_count": 10,
    }


def _tokens(org: int, org_id: str, admin: str, size: Size) -> Pairs:
    machine = {
        "is_machine": True,
        "name": "",
        "email": "",
        "avatar_url": "",
        "site_admin": False,
        "created_at": _NOW,
    }
    owners: list[tuple[str, str, int | None]] = [("organization", f"{org_login(org)}/org", None)]
    owners += [("team", f"{org_login(org)}/team{team:02}", team) for team in range(size.teams)]
    for kind, login, team in owners:
        user_id = id_of("user", login)
        yield t_people.users, {"id": user_id, "login": login, **machine}
        for number in range(_TOKENS if team is None else _TOKENS // 10):
            owned = {"org_id": org_id, "team_id": id_of("team", org, team) if team is not None else None}
            name = f"{login}-{number}"
            yield access.access_tokens, _token(name, kind, user_id) | owned | {"created_by": id_of("user", admin)}
    for number in range(1, _TOKENS):
        yield access.access_tokens, _token(f"{admin}-{number}", "personal", id_of("user", admin))


def _token(name: str, kind: str, user_id: str) -> Row:
    return {
        "id": id_of("token", name),
        "token_hash": sha256(name.encode()).hexdigest(),
        "kind": kind,
        "user_id": user_id,
        "org_id": None,
        "team_id": None,
        "is_admin": False,
        "name": name,
        "description": "",
        "created_by": user_id,
        "created_at": _NOW,
        "last_used_at": None,
    }


def _grant(org: int, stack: int, principal_id: str, *, is_team: bool) -> Row:
    return {
        "stack_id": id_of("stack", org, stack),
        "principal_id": principal_id,
        "is_team": is_team,
        "permission": 101,
        "created_at": _NOW,
    }


def _named(org_id: str, login: str) -> Row:
    return {
        "id": org_id,
        "login": login,
        "name": login.title(),
        "avatar_url": "",
        "personal_user_id": None,
        "settings": "{}",
        "created_at": _NOW,
    }


def _member(org_id: str, user_id: str, role: str, role_id: str | None) -> Row:
    return {
        "org_id": org_id,
        "user_id": user_id,
        "role": role,
        "role_id": role_id,
        "suspended": False,
        "created_at": _NOW,
    }


def id_of(*parts: object) -> str:
    """Return an id as long as a real one, and as scattered as the last of them."""
    text = sha256("/".join(map(str, parts)).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-7{text[13:16]}-8{text[17:20]}-{text[20:32]}"
