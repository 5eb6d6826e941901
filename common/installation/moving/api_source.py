"""Reads the stacks of an organization through the API of its service: Pulumi Cloud, or another installation."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from common.core.errors import StartUpError
from common.installation.moving import states
from common.installation.moving.model import (
    IN_PROGRESS,
    ConfigValue,
    MovedStack,
    MovedTeam,
    MovingError,
    StackName,
    StateDeleted,
    Update,
)
from common.wire.retention import DELETED
from common.wire.stacks import StackConfig

# Clients send as many at once.
_SECRETS_AT_ONCE = 1000
_UPDATES_AT_ONCE = 100
_STACKS_AT_ONCE = 100
_T = TypeVar("_T")


class _ListedStack(msgspec.Struct, rename="camel"):
    org_name: str
    project_name: str
    stack_name: str


class _Stacks(msgspec.Struct, rename="camel"):
    stacks: list[_ListedStack] | None = None
    continuation_token: str | None = None


class _Stack(msgspec.Struct, rename="camel"):
    tags: dict[str, str] | None = None
    config: StackConfig | None = None
    current_operation: Any = None


class _User(msgspec.Struct, rename="camel"):
    github_login: str = ""


class _Info(msgspec.Struct, rename="camel"):
    """An update as clients read it."""

    kind: str
    result: str
    version: int = 0
    start_time: int | None = None
    end_time: int | None = None
    message: str | None = None
    environment: dict[str, str] | None = None
    config: dict[str, ConfigValue] | None = None
    resource_changes: dict[str, int] | None = None


class _Item(msgspec.Struct, rename="camel"):
    """An update of the service's own shape."""

    info: _Info
    version: int = 0
    requested_by: _User | None = None


class _Updates(msgspec.Struct):
    updates: list[dict[str, Any]] | None = None


class _Plaintexts(msgspec.Struct):
    plaintexts: dict[str, bytes]


class _Member(msgspec.Struct, rename="camel"):
    github_login: str
    role: str | None = None


class _TeamStack(msgspec.Struct, rename="camel"):
    project_name: str
    stack_name: str
    permission: int | None = None


class _Team(msgspec.Struct, rename="camel"):
    name: str
    display_name: str | None = None
    description: str | None = None
    members: list[_Member] | None = None
    stacks: list[_TeamStack] | None = None


class _Teams(msgspec.Struct):
    teams: list[_Team] | None = None


class Api(Protocol):
    """What calls the service; its methods raise StartUpError with what the service says."""

    url: str

    def get(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a reply."""
        ...

    def get_text(self, path: str) -> str:
        """Return the JSON of a reply as it is written."""
        ...

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a reply to a call with a JSON body."""
        ...


class ApiSource:
    """The stacks of an organization that the caller of the API can read, or those of them that are named."""

    has_service = True

    def __init__(self, api: Api, org: str, only: Sequence[StackName] = ()) -> None:
        """Call nothing yet."""
        self._api, self._org, self._only = api, org, only
        self.words = f"{org} at {api.url}"

    def list_names(self) -> list[StackName]:
        """Return the stacks of the organization, or those that were named."""
        return list(self._only) or sorted(self._iterate_names(), key=str)

    def load(self, name: StackName) -> MovedStack:
        """Return a stack; raises MovingError while an update of it runs."""
        stack = self._get(_Stack, self._path(name))
        if stack.current_operation:
            raise MovingError("an update of the stack is running: wait until it ends")
        updates = self._updates(name)
        if updates and updates[-1].result == IN_PROGRESS:
            raise MovingError("an update of the stack is running: wait until it ends")
        config = msgspec.json.encode(stack.config) if stack.config is not None else None
        return MovedStack(name, stack.tags or {}, updates, config)

    def get_state(self, stack: MovedStack, update: Update) -> bytes | None:
        """Return the state of a version, or None for an empty one; raises MovingError, StateDeleted for one that was not kept."""
        try:
            text = self._api.get_text(f"{self._path(stack.name)}/export/{update.version}").encode()
        except StartUpError as error:
            kind = StateDeleted if str(error).endswith(DELETED) else MovingError
            raise kind(f"version {update.version} of {stack.name} cannot be read: {error}") from error
        return None if states.is_blank(text) else text

    def decrypt(self, name: StackName, ciphertexts: list[str]) -> dict[str, bytes]:
        """Return the plaintexts of secrets; raises MovingError."""
        plaintexts = dict[str, bytes]()
        for start in range(0, len(ciphertexts), _SECRETS_AT_ONCE):
            some = ciphertexts[start : start + _SECRETS_AT_ONCE]
            try:
                reply = self._api.post(f"{self._path(name)}/batch-decrypt", {"ciphertexts": some})
                plaintexts |= msgspec.convert(reply, _Plaintexts).plaintexts
            except (StartUpError, msgspec.MsgspecError) as error:
                raise MovingError(f"{len(some):,} secrets of {name} cannot be decrypted: {error}") from error
        if missing := len(set(ciphertexts) - set(plaintexts)):
            raise MovingError(f"{missing:,} secrets of {name} were not decrypted by {self._api.url}")
        return plaintexts

    def list_teams(self) -> list[MovedTeam]:
        """Return the teams of the organization, with their members and stacks."""
        path = f"/api/orgs/{quote(self._org, safe='')}/teams"
        names = [team.name for team in self._get(_Teams, path).teams or []]
        return [_moved_team(self._get(_Team, f"{path}/{quote(name, safe='')}")) for name in names]

    def _iterate_names(self) -> Iterator[StackName]:
        token, tokens = "", set[str]()
        while True:
            query = {"organization": self._org, "maxResults": str(_STACKS_AT_ONCE)}
            page = self._get(_Stacks, "/api/user/stacks", **query, **({"continuationToken": token} if token else {}))
            for stack in page.stacks or []:
                if stack.org_name == self._org:
                    yield StackName(stack.project_name, stack.stack_name)
            token = page.continuation_token or ""
            if not token:
                return
            if token in tokens:
                raise MovingError(f"{self._api.url} lists the same stacks again and again")
            tokens.add(token)

    def _updates(self, name: StackName) -> list[Update]:
        """Return the updates in order. One that begins meanwhile moves the others to later pages, so one may be listed twice."""
        updates, number = dict[int, Update](), 1
        while True:
            query = {"output-type": "service", "pageSize": str(_UPDATES_AT_ONCE), "page": str(number)}
            items = self._get(_Updates, f"{self._path(name)}/updates", **query).updates or []
            page = {update.version: update for update in map(self._update, items)}
            is_new = bool(page.keys() - updates.keys())
            updates |= page
            if len(items) < _UPDATES_AT_ONCE:
                break
            if not is_new:
                # A service without pages lists everything each time.
                if updates.keys() - {0} == set(range(1, max(updates) + 1)):
                    break
                raise MovingError(f"{self._api.url} lists the same updates again and again")
            number += 1
        return [update for version, update in sorted(updates.items()) if version > 0]

    def _update(self, item: dict[str, Any]) -> Update:
        """Return an update of the service's own shape, or of the one that clients read."""
        if "info" not in item:
            return _moved_update(_converted(self._api.url, item, _Info))
        own = _converted(self._api.url, item, _Item)
        return _moved_update(own.info, own.version, own.requested_by.github_login if own.requested_by is not None else "")

    def _get(self, shape: type[_T], path: str, **query: str) -> _T:
        return _converted(self._api.url, self._api.get(path, **query), shape)

    def _path(self, name: StackName) -> str:
        return "/api/stacks/" + "/".join(quote(part, safe="") for part in (self._org, name.project, name.name))


def _converted(url: str, value: object, shape: type[_T]) -> _T:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise MovingError(f"{url} has an answer in an unknown form: {error}") from error


def _moved_update(info: _Info, version: int = 0, author: str = "") -> Update:
    return Update(
        version=info.version or version,
        kind=info.kind,
        result=info.result,
        started_at=info.start_time or 0,
        ended_at=info.end_time or 0,
        message=info.message or "",
        environment=info.environment or {},
        config=info.config or {},
        resource_changes=msgspec.json.encode(info.resource_changes) if info.resource_changes is not None else None,
        author=author,
    )


def _moved_team(team: _Team) -> MovedTeam:
    return MovedTeam(
        name=team.name,
        display_name=team.display_name or "",
        description=team.description or "",
        roles={member.github_login: member.role or "member" for member in team.members or []},
        levels={StackName(stack.project_name, stack.stack_name): stack.permission or 0 for stack in team.stacks or []},
    )
