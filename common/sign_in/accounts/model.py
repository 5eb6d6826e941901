"""Accounts with an address and a password, and the links that are mailed to them, as values. No I/O."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PasswordAccount:
    """The address and the password of a user; `known_address` is the confirmed address of the user, or empty."""

    user_id: str
    login: str
    email: str
    is_verified: bool
    pending_email: str | None
    known_address: str
    password_hash: str = field(repr=False)

    @property
    def unconfirmed_email(self) -> str | None:
        """Return the address that must be confirmed next, or None."""
        return self.pending_email or (None if self.is_verified else self.email)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """The fields of a sign-up. `token` is the id of an invitation; in a mail, `.` and the proof follow it."""

    login: str
    name: str
    email: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)


class LinkPurpose(StrEnum):
    """What a link does."""

    VERIFY = "verify"
    RESET = "reset"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Link:
    """The account and the address that a link is for."""

    user_id: str
    email: str
