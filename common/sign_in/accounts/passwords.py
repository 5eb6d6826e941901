"""Passwords: what they may be, and their hashes, argon2id by its reference library.

The parameters are sized for a small function: one hash takes 50 to 80 ms of CPU and 32 MiB. Hashes made with others are
replaced at the next sign-in. Looking for somebody who does not exist takes as many hashes as for somebody who does.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from common.core.errors import BadRequest

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 8, 1024
_ROUNDS, _KIBIBYTES, _LANES = 2, 32 << 10, 1


def require_fit(password: str, *names: str) -> None:
    """Raise BadRequest unless this may be the password of somebody with these names: a login, an address."""
    if not SHORTEST <= len(password) <= LONGEST:
        msg = f"a password has {SHORTEST} to {LONGEST:,} characters"
        raise BadRequest(msg)
    if password.strip().lower() in {name.lower() for name in names if name}:
        msg = "a password may not be the login or the address that it is for"
        raise BadRequest(msg)
    if _bytes(password) is None:
        msg = "the password has characters that no text may have"
        raise BadRequest(msg)


def hashed(password: str) -> str:
    """Return a password's hash with its parameters and a salt of its own."""
    return _hasher().hash(password)


def find_match(hashes: Sequence[str], password: str, slots: int) -> int | None:
    """Return which of the hashes is the password's, or None; it takes the time of `slots` hashes, whatever there are.

    A password that is too long to be anybody's takes none.
    """
    text = _bytes(password)
    if text is None or len(password) > LONGEST:
        return None
    padded = [*hashes, *[_nobody()] * (slots - len(hashes))]
    # All are looked at, so that the time does not tell which it was.
    matches = [_is_match(one, text) for one in padded]
    return next((place for place, is_match in enumerate(matches[: len(hashes)]) if is_match), None)


def is_outdated(stored: str) -> bool:
    """Tell whether a hash was made with other parameters than are used today."""
    return _hasher().check_needs_rehash(stored)


def _is_match(stored: str, password: bytes) -> bool:
    from argon2.exceptions import InvalidHashError, VerifyMismatchError  # noqa: PLC0415 - only sign-ins need it

    try:
        return _hasher().verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes | None:
    try:
        return password.encode()
    except UnicodeEncodeError:
        return None


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher, Type  # noqa: PLC0415 - only sign-ins need it

    return PasswordHasher(_ROUNDS, _KIBIBYTES, _LANES, type=Type.ID)


@cache
def _nobody() -> str:
    """Return a hash that stands for an account that does not exist."""
    return _hasher().hash("nobody's password")
