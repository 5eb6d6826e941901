"""`fn::rotate::password`: a random password."""

import secrets
import string
from typing import Any

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import BOOLEAN, STRING, Schema
from common.environments.language.syntax.number import Number
from common.environments.providers import values
from common.environments.providers.schemas import options
from common.environments.rotators.base import TwoSecrets, whole_number

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_LENGTH_DEFAULT, _SHORTEST, _LONGEST = 16, 8, 100
_CHARACTERS = {"lower": string.ascii_lowercase, "upper": string.ascii_uppercase, "numeric": string.digits, "special": _SPECIAL}
_LENGTH = Schema("number", minimum=Number(str(_SHORTEST)), maximum=Number(str(_LONGEST)), default=_LENGTH_DEFAULT)
_COUNT = Schema("number", minimum=Number("0"), maximum=Number(str(_LONGEST)), default=0)


class Password(TwoSecrets):
    """Makes passwords of the kinds of characters that the definition asks for."""

    INPUTS = options(
        {
            "length": _LENGTH,
            **dict.fromkeys(_CHARACTERS, BOOLEAN),
            **{f"min{name.capitalize()}": _COUNT for name in _CHARACTERS},
            "overrideSpecial": STRING,
        }
    )
    SECRET = STRING
    NEEDS_CURRENT = False

    def make_secret(self, inputs: dict[str, EscValue], state: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return a new password; raises WorldError for inputs that contradict each other."""
        return values.secret(_password(values.plain(inputs)))


def _password(settings: dict[str, Any]) -> str:
    kinds = {name: characters for name, characters in _CHARACTERS.items() if settings.get(name) is not False}
    if "special" in kinds and "overrideSpecial" in settings:
        kinds["special"] = settings["overrideSpecial"]
    kinds = {name: characters for name, characters in kinds.items() if characters}
    length = whole_number(settings, "length", _LENGTH_DEFAULT)
    if not kinds:
        raise WorldError("a password needs at least one of lower, upper, numeric and special")
    chosen = ""
    for name in _CHARACTERS:
        option = f"min{name.capitalize()}"
        count = whole_number(settings, option, 0)
        if count and name not in kinds:
            raise WorldError(f"{option} needs {name} characters, which are turned off")
        chosen += "".join(secrets.choice(kinds[name]) for _ in range(count))
    if len(chosen) > length:
        raise WorldError("the minimum counts are larger than the length")
    every = "".join(kinds.values())
    letters = [*chosen, *(secrets.choice(every) for _ in range(length - len(chosen)))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)
