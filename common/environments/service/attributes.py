"""Use cases for what an environment has beside its definition: its owner, its settings, and its secrets one by one."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass

from common.approvals import steps as approvals
from common.approvals.model import Action, ChangeRequest
from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.errors import BadRequest, Conflict, TooLarge
from common.core.names import is_name
from common.db.retry import retry
from common.environments import opened, steps
from common.environments.cipher import EnvironmentCipher
from common.environments.gates import OpenGates, list_gated_actions
from common.environments.language import envelope
from common.environments.language.interfaces import WorldError
from common.environments.model import Environment, EnvironmentPath, missing
from common.environments.repository import environments, owners
from common.people.orgs.members.steps import not_a_member
from common.people.users.model import Person
from common.rights.caller import Caller
from common.rights.permissions import Permission

SECRETS_LIMIT = 1_000
SECRET_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Metadata:
    """An environment with its owner, and the stack that it is managed by, as `org/project/stack`, or None.

    `gated_actions` need an approval, and `change_request` is the newest draft that is neither applied nor closed.
    """

    environment: Environment
    owner: Person
    managed_by: str | None
    gated_actions: tuple[str, ...] = ()
    open_request_needed: bool = False
    change_request: ChangeRequest | None = None


def get_metadata(backend: Backend, caller: Caller, path: EnvironmentPath) -> Metadata:
    """Return an environment with its owner."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_READ)
    with backend.db.connect() as connection:
        owner = owners.find_person(connection, environment.owner_id)
        stack = environment.managed_stack_id
        managed_by = owners.find_stack_name(connection, stack) if stack is not None else None
        actions = tuple(list_gated_actions(connection, environment))
        change_request = approvals.find_active(connection, environment.id, Action.UPDATE)
    is_needed = Action.OPEN in actions and OpenGates(backend, caller, environment.org_id).find_problem(environment) is not None
    return Metadata(environment, owner, managed_by, actions, is_needed, change_request)


def is_deletion_protected(backend: Backend, caller: Caller, path: EnvironmentPath) -> bool:
    """Tell whether an environment cannot be deleted."""
    return steps.get(backend, caller, path, Permission.ENVIRONMENT_SETTINGS_READ).deletion_protected


def update_protection(backend: Backend, caller: Caller, path: EnvironmentPath, *, is_protected: bool | None) -> None:
    """Set whether an environment cannot be deleted; None changes nothing."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_SETTINGS_UPDATE)
    if is_protected is None or is_protected == environment.deletion_protected:
        return
    event = Event.ENVIRONMENT_PROTECTED if is_protected else Event.ENVIRONMENT_UNPROTECTED

    def record() -> None:
        with backend.db.begin() as tx:
            environments.update_protection(tx, environment.id, is_protected=is_protected)
            description = f"{'Protected' if is_protected else 'No longer protected'} environment {path} from deletion"
            audit.record(tx, backend, caller, environment.org_id, event, description=description)

    retry(record)


def update_owner(backend: Backend, caller: Caller, path: EnvironmentPath, login: str) -> Person:
    """Make a member of the organization the owner, who administers the environment, and return the former owner."""

    def record() -> Person:
        with backend.db.begin() as tx:
            environment = steps.load(tx, caller, path, Permission.ENVIRONMENT_ACCESS_UPDATE)
            membership = caller.require_member(path.org, missing=missing(path).detail)
            steps.require_may_grant(caller, membership, environment)
            owner_id = owners.find_member(tx, environment.org_id, login) if is_name(login) else None
            if owner_id is None:
                raise not_a_member(tx, path.org, login)
            former_owner = owners.find_person(tx, environment.owner_id)
            if not environments.update_owner(tx, environment, owner_id):
                raise Conflict(f"environment {path.in_org} was changed by another request at the same time; try again")
            description = f"Made {login} the owner of environment {path}"
            audit.record(tx, backend, caller, environment.org_id, Event.ENVIRONMENT_UPDATED, description=description)
            return former_owner

    return retry(record)


def encrypt_secrets(backend: Backend, caller: Caller, path: EnvironmentPath, plaintexts: Sequence[str]) -> list[str]:
    """Return the text for `fn::secret: {ciphertext: …}` of each plaintext, which are sent in base64. Nothing is stored."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_WRITE)
    _require_few(plaintexts)
    cipher = EnvironmentCipher(backend, environment)
    return [envelope.encode(cipher.encrypt(_decoded(text))) for text in plaintexts]


def decrypt_secrets(backend: Backend, caller: Caller, path: EnvironmentPath, ciphertexts: Sequence[str]) -> list[str]:
    """Return the plaintext of each ciphertext in base64; BadRequest for one of another environment."""
    environment = steps.get(backend, caller, path, Permission.ENVIRONMENT_OPEN)
    gates = OpenGates(backend, caller, environment.org_id)
    gates.require(environment)
    _require_few(ciphertexts)
    cipher = EnvironmentCipher(backend, environment)
    try:
        plaintexts = [b64encode(cipher.decrypt(envelope.decode(text))).decode() for text in ciphertexts]
    except (WorldError, envelope.InvalidEnvelope) as error:
        raise BadRequest(f"a ciphertext cannot be decrypted: {error}") from None
    description = f"Decrypted {len(plaintexts):,} secrets of environment {path}"
    opened.record_decryption(backend, caller, environment.org_id, gates, description)
    return plaintexts


def _require_few(texts: Sequence[str]) -> None:
    if len(texts) > SECRETS_LIMIT:
        raise TooLarge(f"a request may have at most {SECRETS_LIMIT:,} secrets, and this one has {len(texts):,}")
    if any(len(text) > SECRET_LIMIT_BYTES * 4 // 3 + 64 for text in texts):
        raise TooLarge(f"a secret may have at most {SECRET_LIMIT_BYTES:,} bytes")


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise BadRequest("a plaintext is not valid base64") from None
