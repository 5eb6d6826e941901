"""What an evaluation sees of this server: the environments that the caller may use, the providers, and who the caller is."""

from base64 import urlsafe_b64decode

import msgspec
from sqlalchemy import Connection

from common.backend import Backend
from common.core.errors import BackendError, BadRequest
from common.environments import steps
from common.environments.cipher import EnvironmentCipher
from common.environments.gates import OpenGates
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import LoadedEnvironment, World, WorldError
from common.environments.model import LATEST, Environment, Reference, find_reference, missing_text
from common.environments.providers.base import Access
from common.environments.providers.table import Providers
from common.rights.caller import Caller, TokenKind
from common.rights.membership import Membership
from common.rights.permissions import Permission

_SHOWN = 200
# What an import of a revision by its number or tag needs, in place of what the latest one needs.
_ON_REVISIONS = {
    Permission.ENVIRONMENT_READ: Permission.ENVIRONMENT_VERSION_READ,
    Permission.ENVIRONMENT_OPEN: Permission.ENVIRONMENT_VERSION_OPEN,
}
# Each costs a statement, whether it exists or not.
_FOUND_LIMIT = 256


class StoredEnvironments:
    """Loads imports with the rights of the caller: the `EnvironmentLoader` of one evaluation. One statement for an import."""

    def __init__(
        self,
        backend: Backend,
        caller: Caller,
        membership: Membership,
        *,
        permission: Permission,
        overrides: dict[Reference, Reference] | None = None,
        gates: OpenGates | None = None,
    ) -> None:
        """Need a permission, ENVIRONMENT_READ or ENVIRONMENT_OPEN, on everything that is imported.

        `overrides` are read in place of what definitions name. With `gates` the values are shown, so an approval may be needed.
        """
        self._backend = backend
        self._caller = caller
        self._membership = membership
        self._permission = permission
        self._overrides = overrides or {}
        self._gates = gates
        self._found: dict[Reference, tuple[Environment | None, frozenset[Permission]]] = {}
        self._open_limits: list[int] = []
        self._loaded: set[str] = set()

    @property
    def has_overrides(self) -> bool:
        """Whether environments are read in place of those that definitions name."""
        return bool(self._overrides)

    def capped_seconds(self, seconds: int) -> int:
        """Return a duration, made shorter where a team or a grant allows to open something for a shorter time only."""
        seconds = min([seconds, *self._open_limits])
        return self._gates.capped_seconds(seconds) if self._gates is not None else seconds

    def begin_access(self, tx: Connection) -> None:
        """Begin the time of the grants that were used for the first time."""
        if self._gates is not None:
            self._gates.begin_access(tx)

    def describe(self) -> str:
        """Return the end of an audit record's description: the imports that were loaded, by name and revision; "" without any."""
        return f", with its imports {', '.join(sorted(self._loaded))}" if self._loaded else ""

    def authorize_import(self, importer: str, imported: str, *, importer_is_root: bool) -> None:  # noqa: ARG002 - of the protocol
        """Raise WorldError unless the caller has the permission on the import."""
        self._require(imported)

    def load_environment(self, name: str) -> LoadedEnvironment:
        """Return a definition by the name in the importer; raises WorldError."""
        environment = self._require(name)
        try:
            revision = steps.require_revision(environment)
        except BackendError:
            raise WorldError(f"environment {name[:_SHOWN]!r}: there is no such revision, or it was retracted") from None
        self._loaded.add(f"{environment.path.in_org}@{revision.number}")
        return LoadedEnvironment(environment.path.in_org, revision.definition, EnvironmentCipher(self._backend, environment))

    def _require(self, name: str) -> Environment:
        reference = find_reference(name)
        if reference is None:
            raise WorldError(missing_text(name))
        reference = self._overrides.get(reference, reference)
        environment, permissions = self._find(reference)
        if environment is None:
            raise WorldError(missing_text(name))
        needed = self._permission if reference.version == LATEST else _ON_REVISIONS[self._permission]
        if needed not in permissions:
            raise WorldError(f"environment {name[:_SHOWN]!r} cannot be imported: you lack the permission {needed}")
        problem = self._gates.find_problem(environment) if self._gates is not None else None
        if problem is not None:
            raise WorldError(problem)
        return environment

    def _find(self, reference: Reference) -> tuple[Environment | None, frozenset[Permission]]:
        if reference not in self._found:
            if len(self._found) >= _FOUND_LIMIT:
                raise WorldError(f"the environment names more than {_FOUND_LIMIT} others")
            with self._backend.db.connect() as connection:
                environment, permissions = steps.find(connection, self._caller, self._membership, reference)
            self._found[reference] = environment, permissions
            if environment is not None:
                limit = steps.open_limit_seconds(self._caller, self._membership, environment)
                self._open_limits += [limit] if limit is not None else []
        return self._found[reference]


def make(backend: Backend, caller: Caller, membership: Membership, loader: StoredEnvironments, duration: str) -> World:
    """Return the world of one evaluation."""
    providers = Providers(Access(backend, caller, membership.login, has_overrides=loader.has_overrides))
    return World(loader, providers, {"pulumi": _context(caller, membership, duration)})


def read_overrides(text: str | None) -> dict[Reference, Reference]:
    """Return the overrides of a query: base64url of a JSON object of names (esc.md 4.6). BadRequest for anything else."""
    if not text:
        return {}
    try:
        names = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=dict[str, str])
    except (ValueError, msgspec.DecodeError):
        raise BadRequest("environmentOverrides is not the base64url text of a JSON object of names") from None
    return {_named(old): _named(new) for old, new in names.items()}


def _named(text: str) -> Reference:
    reference = find_reference(text)
    if reference is None:
        raise BadRequest(f"{text[:_SHOWN]!a} in environmentOverrides is not the name of an environment")
    return reference


def _context(caller: Caller, membership: Membership, duration: str) -> EscValue:
    """Return `context.pulumi` (esc.md 1.4): all members are strings, empty where they do not apply."""
    kind = "" if caller.token_kind is TokenKind.SESSION else caller.token_kind.value
    login = caller.login if caller.is_person else membership.login
    name = "" if caller.is_person else caller.token_name
    return _object(
        {
            "user": _object({"login": EscValue(login)}),
            "organization": _object({"login": EscValue(membership.login)}),
            "token": _object({"type": EscValue(kind), "team": EscValue(caller.team_name), "name": EscValue(name)}),
            "openDuration": EscValue(duration),
        }
    )


def _object(members: dict[str, EscValue]) -> EscValue:
    return EscValue(dict(members))
