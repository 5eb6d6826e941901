"""An organization's identity provider, what it says of a person, and what follows for them: values, no I/O."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What an organization's metadata says of its provider. `problem` says why it cannot be used; empty when it can.

    `valid_until` is in RFC 3339, `certificates` are base64 of DER: each of them may have signed an answer.
    """

    entity_id: str = ""
    sso_url: str = ""
    name_id_format: str = ""
    valid_until: str = ""
    certificates: tuple[str, ...] = ()
    problem: str = ""

    @property
    def is_usable(self) -> bool:
        """Tell whether people can sign in through it."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class StoredProvider:
    """An organization's provider as it is kept: the metadata as it was sent, and since when (unix milliseconds)."""

    org_id: str
    text: str
    modified_at: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a provider's answer says, all of it checked. `request_id` is empty for an answer without a request.

    `email` is in lower case, empty when none is told; `expires_at` in unix milliseconds.
    """

    assertion_id: str
    request_id: str
    subject: str
    email: str
    name: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class PendingAnswer:
    """A checked answer whose browser has yet to come. `request_id` and `state` are empty when the provider began it."""

    code_hash: str
    org_id: str
    request_id: str
    state: str = field(repr=False)
    subject: str
    email: str
    name: str
    return_to: str
    expires_at: int


class Choice(StrEnum):
    """What the user decided on the page that asks before a sign-in ends."""

    NONE = ""
    GO_ON = "continue"
    LINK = "link"
    NEW = "new"
