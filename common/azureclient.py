"""What the drivers of Azure's services share: who asks, and how long a call may take.

Credentials are those of the SDK's own chain: a service principal's environment variables, a workload's or a function's
managed identity, and on a developer's machine whoever is signed in to the `az` or `azd` command line.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 20, 3


def credential() -> "TokenCredential":
    """Return a credential of this process's environment; it asks for tokens on first use and keeps them until they expire."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - the SDK is loaded on first use

    return DefaultAzureCredential(
        exclude_powershell_credential=True,
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        process_timeout=ATTEMPTS * CONNECT_SECONDS,
    )
