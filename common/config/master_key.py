"""Opens the key service that the settings name: exactly one, because what one has wrapped no other can open.

The table of drivers is here. No service is asked anything; `KeyService.check` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from common.config.sdk import require_sdk
from common.config.setting import Setting
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.aws import Access
from common.ports.keys import Driver, KeyService, Signer
from common.ports.keys.customer_keys import CustomerKeys
from common.ports.keys.local import LocalKey, place_in_words, read_key
from common.ports.keys.ring import KeyRing

LOCAL, KMS_KEY, VAULT, VAULT_KEY = Settings.local_keys, Settings.kms_key, Settings.azure_kv_uri, Settings.azure_kv_key_name
UNWRAP_KEYS, SIGNING_KEY = Settings.unwrap_keys, Settings.signing_key


@dataclass(frozen=True, slots=True)
class Master:
    """The setting that chose the master key, what it is for the eyes of an operator, and where it lies if on this machine."""

    setting: Setting[Any]
    words: str
    place: Path | None = None


def open_key_service(settings: Settings, master: Master, more: Sequence[Driver] = ()) -> KeyService:
    """Return the key service of a master key, and of more keys that only unwrap, which the settings or the caller name.

    Raises StartUpError for a key on this machine that is absent or unfit.
    """
    current, others = _driver(settings, master), [*_unwrapping(settings), *more]
    customer_keys = CustomerKeys(Access(role_arn=settings.aws_role_arn))
    return KeyService(KeyRing(current, others) if others else current, customer_keys)


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


def open_signer(settings: Settings) -> Signer:
    """Return what signs with keys of a key service; nothing is sent. Raises StartUpError for a setting that names no key."""
    if settings.is_set(SIGNING_KEY):
        require_sdk(SIGNING_KEY.name, "botocore", "aws")
    from common.ports.keys.aws_kms_signer import KMSSigner  # noqa: PLC0415 - as below

    return KMSSigner(settings.signing_key, Access(settings.aws_region, role_arn=settings.aws_role_arn))


def _unwrapping(settings: Settings) -> list[Driver]:
    addresses = [address.strip() for address in settings.unwrap_keys.split(",")]
    return [_at_address(settings, address) for address in addresses if address]


def _at_address(settings: Settings, address: str) -> Driver:
    """Return the key at an address; raises StartUpError, which does not repeat what may be a key itself."""
    parts = urlsplit(address)
    where = unquote(parts.netloc + parts.path)
    if parts.scheme == "file" and where.startswith("/"):
        try:
            return LocalKey(read_key(Path(where)))
        except StartUpError as error:
            raise StartUpError(f"{UNWRAP_KEYS}: {str(error).removesuffix(f' ({LOCAL})')}") from None
    if parts.scheme == "awskms" and where:
        region = dict(parse_qsl(parts.query)).get("region") or settings.aws_region
        return _kms(settings, where.removeprefix("/"), region)
    vault_path = parts.path.strip("/").split("/")
    if parts.scheme == "azurekeyvault" and vault_path[0] == "keys" and len(vault_path) in (2, 3):
        return _key_vault(f"https://{parts.netloc}", vault_path[1], "".join(vault_path[2:]))
    raise StartUpError(
        f"{UNWRAP_KEYS} must be addresses with commas between them: file:///path, awskms://<ARN, id or alias/name> or"
        " azurekeyvault://<vault>/keys/<name>"
    )


def _driver(settings: Settings, master: Master) -> Driver:
    if master.place is not None:
        return LocalKey(read_key(master.place))
    if master.setting is KMS_KEY:
        return _kms(settings, settings.kms_key, settings.aws_region)
    return _key_vault(settings.azure_kv_uri, settings.azure_kv_key_name, settings.azure_kv_key_version)


def _kms(settings: Settings, key: str, region: str) -> Driver:
    require_sdk(KMS_KEY.name, "botocore", "aws")
    from common.ports.keys.aws_kms import KMS  # noqa: PLC0415 - only what is configured is loaded

    return KMS(key, Access(region, role_arn=settings.aws_role_arn))


def _key_vault(uri: str, name: str, version: str) -> Driver:
    require_sdk(VAULT.name, "azure.keyvault.keys", "azure")
    from common.ports.keys.azure_key_vault import KeyVault, VaultKey  # noqa: PLC0415 - as above

    return KeyVault(VaultKey(uri, name, version))
