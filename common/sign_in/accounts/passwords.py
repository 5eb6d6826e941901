"""Passwords: which are allowed, and their hashes, argon2id by its reference library.

The parameters suit a small cloud function: one hash takes 50 to 80 ms of CPU and 32 MiB. Hashes with other parameters are
replaced at the next sign-in. A user who does not exist takes as many hashes as one who does.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from common.core.errors import BadRequest

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 8, 1024
_ROUNDS, _KIBIBYTES, _LANES = 2, 32 << 10, 1


def require_allowed(password: str, *names: str) -> None:
    """Raise BadRequest unless this may be the password of a user with these names: a login, an address."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRequest(f"a password has {SHORTEST} to {LONGEST:,} characters")
    if password.strip().lower() in {name.lower() for name in names if name}:
        raise BadRequest("a password must not be the login or the address of its account")
    if _bytes(password) is None:
        raise BadRequest("the password has characters that are not valid text")


def hash_password(password: str) -> str:
    """Return the hash of a password, with its parameters and a new salt."""
    return _hasher().hash(password)


def find_match(hashes: Sequence[str], password: str, slots: int) -> int | None:
    """Return the index of the hash that matches a password, or None. It always takes the time of `slots` hashes.

    Only a password that is longer than any may be takes no time.
    """
    text = _bytes(password)
    if text is None or len(password) > LONGEST:
        return None
    padded = [*hashes, *[_placeholder()] * (slots - len(hashes))]
    # All are checked, so that the time does not show which one matches.
    matches = [_is_match(stored, text) for stored in padded]
    return next((index for index, is_match in enumerate(matches[: len(hashes)]) if is_match), None)


def is_outdated(stored: str) -> bool:
    """Return whether a hash has other parameters than new hashes get."""
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
def _placeholder() -> str:
    """Return a hash to check for an account that does not exist."""
    return _hasher().hash("the password of an account that does not exist")
