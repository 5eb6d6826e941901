"""Prepares a definition for saving: checks it, and encrypts its secrets."""

from common.backend import Backend
from common.environments import evaluation, world
from common.environments.cipher import EnvironmentCipher
from common.environments.evaluation import Checked, InvalidDefinition
from common.environments.language import secrets
from common.environments.model import Environment
from common.environments.sessions import DURATION_DEFAULT_SECONDS, text_of
from common.environments.world import StoredEnvironments
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

_OPEN_DURATION = text_of(DURATION_DEFAULT_SECONDS)


def prepare(backend: Backend, caller: Caller, environment: Environment, text: bytes) -> tuple[Checked, bytes]:
    """Return a definition, checked, and its text with the secrets encrypted; raises InvalidDefinition."""
    path = environment.path
    membership = caller.require_member(path.org, missing=missing_org(path.org))
    cipher = EnvironmentCipher(backend, environment)
    # Others open what is saved with rights that its author may lack: a save needs the right to open the imports (esc.md 4.1).
    loader = StoredEnvironments(backend, caller, membership, permission=Permission.ENVIRONMENT_OPEN)
    scene = world.make(backend, caller, membership, loader, _OPEN_DURATION)
    checked = evaluation.check(path.in_org, text, scene, cipher)
    rewritten = secrets.encrypt(path.in_org, text, cipher)
    if rewritten.diagnostics:
        raise InvalidDefinition(rewritten.diagnostics)
    return checked, rewritten.text
