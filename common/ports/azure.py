"""What the drivers of Azure's services share: who asks, and how long a call may take.

Credentials are those of the SDK's own chain: a service principal's environment variables, a workload's or a function's
managed identity, and on a developer's machine the user who is signed in to the `az` or `azd` command line.
"""

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

from common.core.once import Once

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential

_LOCK = Lock()
_KEPT: "dict[frozenset[tuple[str, str]], SharedCredential]" = {}
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 20, 3


class SharedCredential:
    """A credential that all clients of the process share: one of their threads asks for a token, and the others wait for it."""

    def __init__(self, credential: "TokenCredential") -> None:
        """Take the SDK's own, which keeps tokens until they expire."""
        self._credential: Any = credential
        self._once = Once()

    def get_token(self, *scopes: str, **options: Any) -> "AccessToken":  # noqa: ANN401 - as the SDK has it
        """Return a token."""
        key = ("token", scopes, repr(sorted(options.items())))
        token: AccessToken = self._once.call(key, lambda: self._credential.get_token(*scopes, **options))
        return token

    def get_token_info(self, *scopes: str, options: Any = None) -> "AccessTokenInfo":  # noqa: ANN401 - as above
        """Return a token, as newer clients ask for it."""
        key = ("info", scopes, repr(options))
        token: AccessTokenInfo = self._once.call(key, lambda: self._credential.get_token_info(*scopes, options=options))
        return token


def credential() -> SharedCredential:
    """Return the credential of this process's environment; it asks for tokens on first use and keeps them until they expire."""
    environment = frozenset(item for item in os.environ.items() if item[0].startswith(("AZURE_", "IDENTITY_", "MSI_")))
    with _LOCK:
        if environment not in _KEPT:
            _KEPT[environment] = SharedCredential(_new_credential())
        return _KEPT[environment]


def _new_credential() -> "TokenCredential":
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - the SDK is loaded on first use

    return DefaultAzureCredential(
        exclude_powershell_credential=True,
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        process_timeout=ATTEMPTS * CONNECT_SECONDS,
    )
