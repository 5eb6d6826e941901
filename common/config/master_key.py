"""Opens the key service that the settings name: exactly one, because what one has wrapped no other can open.

The table of drivers is here. No service is asked anything; `KeyService.check` does.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.config.sdk import require_sdk
from common.config.setting import Setting
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.aws import Access
from common.ports.keys import Driver, KeyService
from common.ports.keys.local import LocalKey, place_in_words, read_key

LOCAL, KMS_KEY, VAULT, VAULT_KEY = Settings.local_keys, Settings.kms_key, Settings.azure_kv_uri, Settings.azure_kv_key_name


@dataclass(frozen=True, slots=True)
class Master:
    """The setting that chose the master key, what it is for the eyes of an operator, and where it lies if on this machine."""

    setting: Setting[Any]
    words: str
    place: Path | None = None


def open_key_service(settings: Settings, master: Master) -> KeyService:
    """Return the key service of a master key; raises StartUpError for a key on this machine that is absent or unfit."""
    return KeyService(_driver(settings, master))


def chosen(settings: Settings) -> Master:
    """Return which master key is configured, without opening it; without any setting it is the data folder's own."""
    named = [setting for setting in (LOCAL, KMS_KEY, VAULT) if settings.is_set(setting)]
    if len(named) > 1:
        raise StartUpError(f"{' and '.join(map(str, named))} are both set; exactly one key service can encrypt: unset the others")
    if KMS_KEY in named:
        return Master(KMS_KEY, f"AWS KMS key {settings.kms_key}")
    if VAULT in named:
        if not settings.is_set(VAULT_KEY):
            raise StartUpError(f"{VAULT_KEY} must be set with {VAULT}")
        return Master(VAULT, f"Azure Key Vault key {settings.azure_kv_key_name} of {settings.azure_kv_uri}")
    place = settings.local_keys
    return Master(LOCAL, place_in_words(place) if settings.is_set(LOCAL) else str(place), place)


def _driver(settings: Settings, master: Master) -> Driver:
    if master.place is not None:
        return LocalKey(read_key(master.place))
    if master.setting is KMS_KEY:
        require_sdk(KMS_KEY.name, "botocore", "aws")
        from common.ports.keys.aws_kms import KMS  # noqa: PLC0415 - only what is configured is loaded

        return KMS(settings.kms_key, Access(settings.aws_region, role_arn=settings.aws_role_arn))
    require_sdk(VAULT.name, "azure.keyvault.keys", "azure")
    from common.ports.keys.azure_key_vault import KeyVault, VaultKey  # noqa: PLC0415 - as above

    version = settings.azure_kv_key_version
    return KeyVault(VaultKey(settings.azure_kv_uri, settings.azure_kv_key_name, version))
