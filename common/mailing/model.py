"""Mail that waits or was sent, and what an address may be. No I/O."""

import re
from dataclasses import dataclass
from enum import StrEnum

_LOCAL_LIMIT, _ADDRESS_LIMIT = 64, 254
# ASCII alone, so that both databases find an address again whatever its case.
_ADDRESS = re.compile(
    rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,{_LOCAL_LIMIT}}}@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


class Purpose(StrEnum):
    """What a mail is for."""

    INVITATION = "invitation"
    VERIFICATION = "verification"
    RESET = "reset"
    ADDRESS_CHANGED = "address-changed"


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to send; `subject_id` is what it is about, an invitation's id."""

    purpose: Purpose
    address: str
    user_id: str | None = None
    subject_id: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedMail:
    """A mail as it is kept; times are unix milliseconds. It waits while it has `due_at`, and is given up with neither time."""

    id: str
    purpose: Purpose
    address: str
    user_id: str | None
    subject_id: str | None
    created_at: int
    due_at: int | None
    attempts: int
    problem: str
    sent_at: int | None

    @property
    def is_sent(self) -> bool:
        """Tell whether a mail server took it."""
        return self.sent_at is not None


def clean_address(text: str) -> str:
    """Return an address in lower case, or an empty text for what is none."""
    text = text.strip()
    return text.lower() if len(text) <= _ADDRESS_LIMIT and _ADDRESS.fullmatch(text) else ""
