"""Which built-in functions there are. A new one is a module with `NAME` and `parse`, and a line here."""

from collections.abc import Callable

from common.environments.language.builtins import (
    concat,
    final,
    from_base64,
    from_json,
    join,
    open,  # noqa: A004 - named for `fn::open`
    rotate,
    secret,
    split,
    to_base64,
    to_json,
    to_string,
    to_yaml,
    validate,
)
from common.environments.language.builtins.base import Builtin, Call

Parse = Callable[[Call], Builtin]

_BY_NAME: dict[str, Parse] = {
    concat.NAME: concat.parse,
    final.NAME: final.parse,
    from_base64.NAME: from_base64.parse,
    from_json.NAME: from_json.parse,
    join.NAME: join.parse,
    open.NAME: open.parse,
    rotate.NAME: rotate.parse,
    secret.NAME: secret.parse,
    split.NAME: split.parse,
    to_base64.NAME: to_base64.parse,
    to_json.NAME: to_json.parse,
    to_string.NAME: to_string.parse,
    to_yaml.NAME: to_yaml.parse,
    validate.NAME: validate.parse,
}
_BY_PREFIX: dict[str, Parse] = {
    open.SHORT_PREFIX: open.parse_short,
    rotate.SHORT_PREFIX: rotate.parse_short,
}


def find(name: str) -> Parse | None:
    """Return what parses the calls of a function, or None for a name that is no function's."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    return next((parse for prefix, parse in _BY_PREFIX.items() if name.startswith(prefix)), None)


def names() -> list[str]:
    """Return the names of all functions, without the short forms that have the name of a provider or a rotator in them."""
    return sorted(_BY_NAME)
