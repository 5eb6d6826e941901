"""`fn::rotate::passphrase`: a passphrase of random words, which are made of syllables."""

import secrets

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context
from common.environments.language.schemas.schema import BOOLEAN, STRING, Schema
from common.environments.language.syntax.number import Number
from common.environments.providers import values
from common.environments.providers.schemas import ONE, options
from common.environments.rotators.base import TwoSecrets, whole_number

_LENGTH_DEFAULT = 5
# Three syllables of 16 consonants and 5 vowels have 19 bits: more than a word of a list of 7,776 words.
_CONSONANTS, _VOWELS, _SYLLABLES = "bdfghjklmnprstvz", "aeiou", 3


class Passphrase(TwoSecrets):
    """Makes passphrases that can be spoken and typed."""

    INPUTS = options(
        {
            "length": Schema("number", minimum=Number("3"), maximum=Number("15"), default=_LENGTH_DEFAULT),
            "separator": Schema("string", min_length=ONE, max_length=ONE, default="-"),
            "capitalize": BOOLEAN,
        }
    )
    SECRET = STRING
    NEEDS_CURRENT = False

    def make_secret(self, inputs: dict[str, EscValue], state: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return a new passphrase."""
        settings = values.plain(inputs)
        words = [_word() for _ in range(whole_number(settings, "length", _LENGTH_DEFAULT))]
        if settings.get("capitalize") is True:
            words = [word.capitalize() for word in words]
        return values.secret((settings.get("separator") or "-").join(words))


def _word() -> str:
    return "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(_SYLLABLES))
