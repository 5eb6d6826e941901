"""What an evaluation needs from outside. The caller provides it; the language itself does no I/O.

A method raises `WorldError` for what the author of the environment should know: the text is shown as a diagnostic. Anything
else it raises ends the evaluation.
"""

from typing import Protocol

import msgspec

from common.environments.language.environment import EscValue
from common.environments.language.schemas.schema import AnySchema

ANONYMOUS = "<yaml>"


class WorldError(Exception):
    """Something outside failed. The message is shown on the expression that needed it."""


class Encrypter(Protocol):
    """Encrypts the secrets of one environment."""

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the ciphertext; raises WorldError."""
        ...


class Decrypter(Protocol):
    """Decrypts the secrets of one environment."""

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext; raises WorldError."""
        ...


class LoadedEnvironment(msgspec.Struct, frozen=True):
    """The definition of an environment, and what decrypts its secrets. `name` is its full name, without aliases."""

    name: str
    text: bytes
    decrypter: Decrypter


class EnvironmentLoader(Protocol):
    """Loads the definitions of imported environments."""

    def authorize_import(self, importer: str, imported: str, *, importer_is_root: bool) -> None:
        """Raise WorldError unless the caller may use this import. Called for every edge, also for what is loaded already."""
        ...

    def load_environment(self, name: str) -> LoadedEnvironment:
        """Return the definition of an environment by the name its importer uses; raises WorldError."""
        ...


class Context(msgspec.Struct, frozen=True):
    """For whom and for what an environment is evaluated: the reserved name `context`."""

    values: dict[str, EscValue]
    root_environment: str
    current_environment: str


class Provider(Protocol):
    """Opens something in another system: `fn::open`."""

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        ...

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the outputs; raises WorldError. A secret result makes everything in it secret."""
        ...


class Rotator(Protocol):
    """Replaces a secret in another system: `fn::rotate`."""

    def schema(self) -> tuple[AnySchema, AnySchema, AnySchema]:
        """Return the schemas of inputs, state and outputs."""
        ...

    def open(self, inputs: dict[str, EscValue], state: dict[str, EscValue] | None, context: Context) -> EscValue:
        """Return the outputs for a state, None before the first rotation; raises WorldError."""
        ...

    def rotate(self, inputs: dict[str, EscValue], state: dict[str, EscValue] | None, context: Context) -> EscValue:
        """Make a new secret and return the new state; raises WorldError."""
        ...


class ProviderLoader(Protocol):
    """Finds providers and rotators."""

    def load_provider(self, name: str) -> Provider:
        """Return a provider; raises WorldError for an unknown name."""
        ...

    def load_rotator(self, name: str) -> Rotator:
        """Return a rotator; raises WorldError for an unknown name."""
        ...


class World(msgspec.Struct, frozen=True):
    """Everything outside that one evaluation may use."""

    environments: EnvironmentLoader
    providers: ProviderLoader
    # The members of the reserved name `context`, besides those that say which environments are evaluated.
    context: dict[str, EscValue] = {}
