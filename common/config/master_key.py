"""Opens the key service that the settings name: exactly one, because what one has wrapped no other can open.

The table of drivers is here. No service is asked anything; `KeyService.check` does.
"""

from dataclasses import dataclass
from pathlib import Path

from common.config.sdk import require_sdk
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.aws import Access
from common.ports.keys import Driver, KeyService
from common.ports.keys.local import LocalKey, place_in_words, read_key

LOCAL, KMS_KEY, VAULT = "PULUMI_LOCAL_KEYS", "PULUMI_KMS_KEY", "PULUMI_AZURE_KV_URI"
VAULT_KEY = "PULUMI_AZURE_KV_KEY_NAME"


@dataclass(frozen=True, slots=True)
class Master:
    """The setting that chose the master key, what it is for the eyes of an operator, and where it lies if on this machine."""

    setting: str
    words: str
    place: Path | None = None


def open_key_service(settings: Settings, master: Master) -> KeyService:
    """Return the key service of a master key; raises StartUpError for a key on this machine that is absent or unfit."""
    return KeyService(_driver(settings, master))


def chosen(settings: Settings) -> Master:
    """Return which master key is configured, without opening it; without any setting it is the data folder's own."""
    named = [name for name in (LOCAL, KMS_KEY, VAULT) if settings.is_set(name)]
    if len(named) > 1:
        raise StartUpError(f"{' and '.join(named)} are both set; exactly one key service can encrypt: unset the others")
    if KMS_KEY in named:
        return Master(KMS_KEY, f"AWS KMS key {settings.text(KMS_KEY)}")
    if VAULT in named:
        if not settings.is_set(VAULT_KEY):
            raise StartUpError(f"{VAULT_KEY} must be set with {VAULT}")
        return Master(VAULT, f"Azure Key Vault key {settings.text(VAULT_KEY)} of {settings.text(VAULT)}")
    place = settings.path(LOCAL, "keys")
    return Master(LOCAL, place_in_words(place) if settings.is_set(LOCAL) else str(place), place)


def _driver(settings: Settings, master: Master) -> Driver:
    if master.place is not None:
        return LocalKey(read_key(master.place))
    if master.setting == KMS_KEY:
        require_sdk(KMS_KEY, "botocore", "aws")
        from common.ports.keys.aws_kms import KMS  # noqa: PLC0415 - only what is configured is loaded

        return KMS(settings.text(KMS_KEY), Access(settings.text("AWS_REGION"), role_arn=settings.text("AWS_ROLE_ARN")))
    require_sdk(VAULT, "azure.keyvault.keys", "azure")
    from common.ports.keys.azure_key_vault import KeyVault, VaultKey  # noqa: PLC0415 - as above

    version = settings.text("PULUMI_AZURE_KV_KEY_VERSION")
    return KeyVault(VaultKey(settings.text(VAULT), settings.text(VAULT_KEY), version))
