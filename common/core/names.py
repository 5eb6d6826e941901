"""Which names stacks, projects, owners and tags may have: the CLI's own rules (state.md 3), checked once more here.

Lengths count bytes, as the CLI counts them. `.` and `..` pass the CLI's alphabet but can never be addressed, since
clients clean the paths of their requests, so they are refused.
"""

import re
import secrets
from collections.abc import Callable

from common.core.errors import BadRequest

NAME_LIMIT_BYTES = 100
TAG_NAME_LIMIT = 40
TAG_VALUE_LIMIT_BYTES = 256
TAGS_LIMIT = 100
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_OWNER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-_]{1,38}[a-zA-Z0-9]")
_TAG_NAME = re.compile(r"[a-zA-Z0-9-_.:]{1,40}")
_VARIANTS = 19
_UNADDRESSABLE = (".", "..")
# Where pages and calls of this server begin, and words that people take for one: reserved names, in any case. A test
# holds the first ones against all routes. `admin` is the first administrator's own name.
RESERVED_OWNERS = frozenset(
    {
        "account",
        "api",
        "assets",
        "claim",
        "cli-login",
        "default",
        "healthz",
        "invites",
        "metrics",
        "providers",
        "reset",
        "scim",
        "settings",
        "signin",
        "signout",
        "signup",
        "verify",
        "welcome",
        "accounts",
        "administrator",
        "auth",
        "console",
        "docs",
        "esc",
        "invite",
        "login",
        "logout",
        "new",
        "oauth",
        "oidc",
        "organization",
        "organizations",
        "orgs",
        "public",
        "registry",
        "root",
        "saml",
        "sso",
        "stackhold",
        "stacks",
        "static",
        "status",
        "support",
        "system",
        "teams",
        "user",
        "users",
    }
)


def require_stack_name(name: str) -> None:
    """Raise BadRequest unless a stack may have this name."""
    _require_name("stack", name)


def require_project_name(name: str) -> None:
    """Raise BadRequest unless a project may have this name."""
    _require_name("project", name)


def require_owner_name(name: str) -> None:
    """Raise BadRequest unless a user or an organization may have this name."""
    if not _OWNER.fullmatch(name):
        raise BadRequest(
            f"invalid owner name {_shown(name)}: 3 to 40 letters, digits, hyphens or underscores, "
            "beginning and ending with a letter or a digit"
        )


def require_new_owner_name(name: str) -> None:
    """Raise BadRequest unless a new user or organization may have this name."""
    require_owner_name(name)
    if is_reserved(name):
        raise BadRequest(f"the name {_shown(name)} is reserved for this server's own addresses; choose another one")


def is_reserved(name: str) -> bool:
    """Tell whether a name is reserved because it is part of the addresses of this server."""
    return name.lower() in RESERVED_OWNERS


def require_tags(tags: dict[str, str]) -> None:
    """Raise BadRequest unless every tag has a valid name and a value within the limit, and they are not too many."""
    require_tag_count(len(tags))
    for name, value in tags.items():
        require_tag(name, value)


def require_tag_count(count: int) -> None:
    """Raise BadRequest for more tags than a stack may have."""
    if count > TAGS_LIMIT:
        raise BadRequest(f"a stack may have at most {TAGS_LIMIT} tags, not {count:,}")


def require_tag(name: str, value: str) -> None:
    """Raise BadRequest unless a tag may have this name and value."""
    if not _TAG_NAME.fullmatch(name):
        raise BadRequest(
            f"invalid stack tag {_shown(name)}: 1 to {TAG_NAME_LIMIT} letters, digits, hyphens, underscores, periods or colons"
        )
    if len(value.encode("utf-8", "surrogatepass")) > TAG_VALUE_LIMIT_BYTES:
        raise BadRequest(f"the value of stack tag {_shown(name)} is longer than {TAG_VALUE_LIMIT_BYTES} bytes")


def is_name(name: str) -> bool:
    """Tell whether a stack or project can be called so at all; a look-up by any other name need not reach the database."""
    return len(name) <= NAME_LIMIT_BYTES and bool(_NAME.fullmatch(name)) and name not in _UNADDRESSABLE


def numbered(name: str) -> list[str]:
    """Return a name and then the same name with `-2`, `-3` and so on."""
    return [name, *(f"{name}-{number}" for number in range(2, _VARIANTS + 1))]


def first_free(name: str, is_taken: Callable[[str], bool]) -> str:
    """Return the first of the `numbered` names that is not taken, or the name with random characters if all are."""
    free = (variant for variant in numbered(name) if not is_taken(variant))
    return next(free, f"{name}-{secrets.token_hex(4)}")


def _require_name(noun: str, name: str) -> None:
    if not name:
        raise BadRequest(f"a {noun} name may not be empty")
    if len(name.encode("utf-8", "surrogatepass")) > NAME_LIMIT_BYTES:
        raise BadRequest(f"a {noun} name may not be longer than {NAME_LIMIT_BYTES} characters")
    if not is_name(name):
        raise BadRequest(
            f"invalid {noun} name {_shown(name)}: only letters, digits, hyphens, underscores and periods, and not . or .. alone"
        )


def _shown(name: str) -> str:
    text = name if len(name) <= NAME_LIMIT_BYTES else name[:NAME_LIMIT_BYTES] + "…"
    return ascii(text)
