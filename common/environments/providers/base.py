"""What providers and rotators are made with. Their protocols are those of the language (language/interfaces.py)."""

import time
from dataclasses import dataclass, field

from common.backend import Backend
from common.rights.caller import Caller, missing_org
from common.rights.membership import Membership

# A gateway waits 29 seconds for a request. The last call may begin just before this time is over, and take ten seconds.
TOTAL_SECONDS = 15.0


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


@dataclass(frozen=True, slots=True)
class Access:
    """Who opens an environment, and what a provider may use for them: the ports of the backend, such as `backend.outbound`.

    What a provider reads of this server, it reads with the rights of the caller in the organization of the environment.
    """

    backend: Backend
    caller: Caller
    org: str
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def membership(self) -> Membership:
        """Return the caller's membership of the organization."""
        return self.caller.require_member(self.org, missing=missing_org(self.org))
