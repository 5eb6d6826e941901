"""What providers and rotators are made with. Their protocols are those of the language (language/interfaces.py)."""

from dataclasses import dataclass

from common.backend import Backend
from common.rights.caller import Caller


@dataclass(frozen=True, slots=True)
class Access:
    """Who opens an environment, and what a provider may use for them: the ports of the backend, such as `backend.outbound`.

    What a provider reads of this server, it reads with the rights of the caller in the organization of the environment.
    """

    backend: Backend
    caller: Caller
    org: str
