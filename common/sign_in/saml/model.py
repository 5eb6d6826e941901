"""An organization's identity provider and its answers as values, without I/O."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The content of a provider's metadata. `problem` says why the provider cannot be used, and is empty if it can.

    `valid_until` is in RFC 3339, `certificates` are base64 of DER; any of them may sign an answer.
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
    """The stored provider of an organization: the metadata as it was sent, and when it was stored (unix milliseconds)."""

    org_id: str
    text: str
    modified_at: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """The checked content of a provider's answer. `request_id` is empty for an answer without a request.

    `email` is in lower case, or empty if the answer has none. `expires_at` is in unix milliseconds.
    """

    assertion_id: str
    request_id: str
    subject: str
    email: str
    name: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class PendingAnswer:
    """A checked answer whose sign-in is not finished. `request_id` and `state` are empty if it began at the provider."""

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
    """The user's decision on the page that asks before a sign-in is finished."""

    NONE = ""
    GO_ON = "continue"
    LINK = "link"
    NEW = "new"
