"""Use cases that encrypt and decrypt values for a project, under a data key of its own. The limits are those of stacks.

The key stays when the last stack of the project is deleted, so that
values can be decrypted again once the project has a stack.
"""

from collections.abc import Collection

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, NotFound
from common.core.ids import new_id
from common.core.names import is_name
from common.crypto.envelope import Envelope
from common.crypto.owner_keys import open_envelope
from common.db.faults import Contention
from common.rights.caller import Caller
from common.rights.membership import Membership
from common.rights.permissions import Permission
from common.stacks import sealed_values
from common.stacks.repository import project_keys, stacks
from common.stacks.repository.project_keys import ProjectKey
from common.stacks.steps import LISTABLE

_FOREIGN = "the value cannot be decrypted: it belongs to another project, or it is damaged"


def encrypt(backend: Backend, caller: Caller, org: str, project: str, plaintext: bytes) -> bytes:
    """Return the ciphertext of one value. NotFound unless the project has a stack that the caller can see."""
    membership = _require(backend, caller, org, project, Permission.PROJECT_ENCRYPT)
    return sealed_values.encrypt(_envelope(backend, _find_or_create_key(backend, membership, project)), plaintext)


def decrypt(backend: Backend, caller: Caller, org: str, project: str, ciphertext: str) -> bytes:
    """Return the plaintext of one base64 text. BadRequest if it is damaged or belongs to another project."""
    membership = _require(backend, caller, org, project, Permission.PROJECT_DECRYPT)
    plaintext = _decrypt_all(backend, membership, project, [ciphertext])[ciphertext]
    description = f"Decrypted a value of project {membership.login}/{project}"
    audit.record_alone(backend, caller, membership.org_id, Event.SECRET_DECRYPTED, description=description)
    return plaintext


def batch_decrypt(backend: Backend, caller: Caller, org: str, project: str, ciphertexts: Collection[str]) -> dict[str, bytes]:
    """Return the plaintexts by their ciphertexts as they were sent. BadRequest if one cannot be decrypted."""
    membership = _require(backend, caller, org, project, Permission.PROJECT_DECRYPT)
    sealed_values.require_batch(len(ciphertexts))
    plaintexts = _decrypt_all(backend, membership, project, ciphertexts)
    if plaintexts:
        description = f"Decrypted {len(plaintexts):,} values of project {membership.login}/{project}"
        audit.record_alone(backend, caller, membership.org_id, Event.SECRETS_DECRYPTED, description=description)
    return plaintexts


def _require(backend: Backend, caller: Caller, org: str, project: str, permission: Permission) -> Membership:
    missing = f"Project '{org[:80]}/{project[:80]}' not found"
    membership = caller.require_member(org, missing=missing)
    with backend.db.connect() as connection:
        if not is_name(project) or not stacks.project_exists(connection, caller.stack_scope(membership, LISTABLE), project):
            raise NotFound(missing)
    return caller.require(permission, org, missing=missing)


def _decrypt_all(backend: Backend, membership: Membership, project: str, ciphertexts: Collection[str]) -> dict[str, bytes]:
    if not ciphertexts:
        return {}
    with backend.db.connect() as connection:
        key = project_keys.find(connection, membership.org_id, project)
    if key is None:
        raise BadRequest(_FOREIGN)
    envelope = _envelope(backend, key)
    try:
        return {text: sealed_values.decrypt(envelope, text) for text in dict.fromkeys(ciphertexts)}
    except BadRequest as error:
        raise BadRequest(_FOREIGN) from error


def _find_or_create_key(backend: Backend, membership: Membership, project: str) -> ProjectKey:
    with backend.db.connect() as connection:
        key = project_keys.find(connection, membership.org_id, project)
        if key is not None:
            return key
        key_id = new_id()
        _plain, wrapped_key = backend.data_keys.new(key_id, membership.settings.customer_key)
        key = ProjectKey(key_id, wrapped_key)
        if project_keys.add(connection, membership.org_id, project, key, unix_millis(backend.clock.now())):
            return key
        # Another request was first: its key is the project's. Values under a key that is not stored would be lost.
        key = project_keys.find(connection, membership.org_id, project)
        if key is None:
            raise Contention(f"the key of project '{project}' was made at the same time; try again")
        return key


def _envelope(backend: Backend, key: ProjectKey) -> Envelope:
    return open_envelope(backend, key.id, key.wrapped_key)
