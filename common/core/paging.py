"""Places in long lists: a token says where the next page begins, and is refused outside the listing it was made for."""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from common.core.errors import BadRequest

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,2400}")
_FOREIGN = "the continuation token is not valid"


def seal(*parts: str | None) -> str:
    """Return what ties a token to its listing: the caller, and everything that the listing is narrowed to."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def make_token(sealed: str, *position: str) -> str:
    """Return the token for the page after a position: the sort key of the last row that was shown."""
    return urlsafe_b64encode(msgspec.json.encode([sealed, *position])).decode().rstrip("=")


def read_token(token: str, sealed: str, size: int) -> tuple[str, ...]:
    """Return the position of a token, `size` texts; BadRequest for rubbish and for another listing's token."""
    if not _TOKEN.fullmatch(token):
        raise BadRequest(_FOREIGN)
    try:
        listing, *position = msgspec.json.decode(urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=list[str])
    except (ValueError, msgspec.DecodeError) as error:
        raise BadRequest(_FOREIGN) from error
    if listing != sealed:
        raise BadRequest("the continuation token belongs to another listing")
    if len(position) != size:
        raise BadRequest(_FOREIGN)
    return tuple(position)
