"""What providers and rotators are made with. Their protocols are those of the language (language/interfaces.py)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from common.backend import Backend
from common.environments.language.interfaces import WorldError
from common.oidc_issuer import tokens
from common.oidc_issuer.model import Issuer
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

# A gateway waits 29 seconds for a request. The last call may begin just before this time is over, and take ten seconds.
TOTAL_SECONDS = 15.0
# A signature takes several milliseconds in which the process does nothing else.
SIGNATURES_LIMIT = 100


class Stopwatch:
    """How long the calls of one evaluation may take together. It starts with the first call."""

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        """Start nothing yet."""
        self._seconds = seconds
        self._ends_at: float | None = None

    def seconds_left(self) -> float:
        """Return how long calls may still begin; 0 or less when the time is over."""
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self._seconds
        return self._ends_at - time.monotonic()


class Signatures:
    """Counts what one evaluation signs, and keeps the private keys that it has loaded."""

    def __init__(self) -> None:
        """Start with nothing signed."""
        self.count = 0
        self.keys: dict[str, RSAKey] = {}


@dataclass(frozen=True, slots=True)
class Access:
    """Who opens an environment, and what a provider may use for them: the ports of the backend, such as `backend.outbound`.

    What a provider reads of this server, it reads with the rights of the caller in the organization of the environment.
    `has_overrides`: the caller has chosen other environments in place of those that the definitions name.
    """

    backend: Backend
    caller: Caller
    org: str
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    signatures: Signatures = field(default_factory=Signatures)
    has_overrides: bool = False

    def count_signature(self) -> None:
        """Raise WorldError if the evaluation has signed as much as it may, or for as long; called before each signature."""
        if self.signatures.count >= SIGNATURES_LIMIT:
            raise WorldError(f"the environment needs more than {SIGNATURES_LIMIT} signed tokens")
        if self.stopwatch.seconds_left() <= 0:
            raise WorldError("the calls and signatures of this environment took too long together")
        self.signatures.count += 1

    def sign(self, issuer: Issuer, claims: Mapping[str, object], seconds: int) -> str:
        """Return an identity token; raises WorldError as `count_signature` does."""
        self.count_signature()
        return tokens.sign(self.backend, issuer, claims, seconds, self.signatures.keys)

    @property
    def membership(self) -> Membership:
        """Return the caller's membership of the organization."""
        return self.caller.require_member(self.org, missing=missing_org(self.org))
