"""Queued and sent mails, and the rule for addresses. No I/O."""

import re
from dataclasses import dataclass
from enum import StrEnum

_LOCAL_LIMIT, _ADDRESS_LIMIT = 64, 254
# ASCII alone, so that both databases find an address in upper and lower case.
_ADDRESS = re.compile(
    rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,{_LOCAL_LIMIT}}}@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


class Purpose(StrEnum):
    """The purpose of a mail."""

    INVITATION = "invitation"
    VERIFICATION = "verification"
    RESET = "reset"
    ADDRESS_CHANGED = "address-changed"
    UPDATE_ENDED = "update-ended"


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to send; `subject_id` is the id of an invitation or an update."""

    purpose: Purpose
    address: str
    user_id: str | None = None
    subject_id: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedMail:
    """A mail in the queue; times are unix milliseconds. It waits while it has `due_at`; with neither time it was given up."""

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
        """Tell whether a mail server accepted it."""
        return self.sent_at is not None


def clean_address(text: str) -> str:
    """Return an address in lower case, or an empty text for a bad address."""
    text = text.strip()
    return text.lower() if len(text) <= _ADDRESS_LIMIT and _ADDRESS.fullmatch(text) else ""
