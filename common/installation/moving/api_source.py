"""Reads the stacks of an organization through the API of its service: Pulumi Cloud, or another installation."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from common.core.errors import StartUpError
from common.installation.moving import states
from common.installation.moving.model import IN_PROGRESS, ConfigValue, MovedStack, MovedTeam, MovingError, StackName, Update

# Clients send as many at once.
_SECRETS_AT_ONCE = 1000
_UPDATES_AT_ONCE = 100
_STACKS_AT_ONCE = 100


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
        stack = self._api.get(self._path(name))
        if stack.get("currentOperation"):
            raise MovingError("an update of it runs: wait for its end")
        updates = [update for update in map(_update, self._iterate_updates(name)) if update.version > 0]
        updates.sort(key=lambda update: update.version)
        if updates and updates[-1].result == IN_PROGRESS:
            raise MovingError("an update of it runs: wait for its end")
        config = stack.get("config")
        encoded = msgspec.json.encode(config) if config else None
        return MovedStack(name, dict(stack.get("tags") or {}), updates, encoded)

    def get_state(self, stack: MovedStack, update: Update) -> bytes | None:
        """Return the state of a version, or None for an empty one; raises MovingError."""
        try:
            text = self._api.get_text(f"{self._path(stack.name)}/export/{update.version}").encode()
        except StartUpError as error:
            raise MovingError(f"version {update.version} of {stack.name} cannot be read: {error}") from error
        return None if states.is_blank(text) else text

    def decrypt(self, name: StackName, ciphertexts: list[str]) -> dict[str, bytes]:
        """Return the plaintexts of secrets; raises MovingError."""
        plaintexts = dict[str, bytes]()
        for start in range(0, len(ciphertexts), _SECRETS_AT_ONCE):
            some = ciphertexts[start : start + _SECRETS_AT_ONCE]
            try:
                reply = self._api.post(f"{self._path(name)}/batch-decrypt", {"ciphertexts": some})
                plaintexts |= msgspec.convert(reply.get("plaintexts"), dict[str, bytes])
            except (StartUpError, msgspec.MsgspecError) as error:
                raise MovingError(f"{len(some):,} secrets of {name} cannot be decrypted: {error}") from error
        if missing := len(set(ciphertexts) - set(plaintexts)):
            raise MovingError(f"{missing:,} secrets of {name} were not decrypted by {self._api.url}")
        return plaintexts

    def list_teams(self) -> list[MovedTeam]:
        """Return the teams of the organization, with their members and stacks."""
        path = f"/api/orgs/{quote(self._org, safe='')}/teams"
        names = [team["name"] for team in self._api.get(path).get("teams") or []]
        return [_team(self._api.get(f"{path}/{quote(name, safe='')}")) for name in names]

    def _iterate_names(self) -> Iterator[StackName]:
        token = ""
        while True:
            query = {"organization": self._org, "maxResults": str(_STACKS_AT_ONCE)}
            page = self._api.get("/api/user/stacks", **query, **({"continuationToken": token} if token else {}))
            for stack in page.get("stacks") or []:
                if stack["orgName"] == self._org:
                    yield StackName(stack["projectName"], stack["stackName"])
            token = page.get("continuationToken") or ""
            if not token:
                return

    def _iterate_updates(self, name: StackName) -> Iterator[dict[str, Any]]:
        number = 1
        while True:
            query = {"output-type": "service", "pageSize": str(_UPDATES_AT_ONCE), "page": str(number)}
            items = self._api.get(f"{self._path(name)}/updates", **query).get("updates") or []
            yield from items
            if len(items) < _UPDATES_AT_ONCE:
                return
            number += 1

    def _path(self, name: StackName) -> str:
        return "/api/stacks/" + "/".join(quote(part, safe="") for part in (self._org, name.project, name.name))


def _update(item: dict[str, Any]) -> Update:
    """Return an update of the service's own shape, or of the one that clients read."""
    info = item.get("info", item)
    changes = info.get("resourceChanges")
    return Update(
        version=info.get("version") or item.get("version") or 0,
        kind=info["kind"],
        result=info["result"],
        started_at=info.get("startTime") or 0,
        ended_at=info.get("endTime") or 0,
        message=info.get("message") or "",
        environment=info.get("environment") or {},
        config=msgspec.convert(info.get("config") or {}, dict[str, ConfigValue]),
        resource_changes=msgspec.json.encode(changes) if changes is not None else None,
        author=(item.get("requestedBy") or {}).get("githubLogin") or "",
    )


def _team(team: dict[str, Any]) -> MovedTeam:
    return MovedTeam(
        name=team["name"],
        display_name=team.get("displayName") or "",
        description=team.get("description") or "",
        roles={member["githubLogin"]: member.get("role") or "member" for member in team.get("members") or []},
        levels={
            StackName(stack["projectName"], stack["stackName"]): stack.get("permission") or 0
            for stack in team.get("stacks") or []
        },
    )
