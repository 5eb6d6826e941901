"""Opens the object stores that the settings name: four purposes, each with its own address, folder, or share of another's.

The table of drivers is here: a scheme, the words for it, and how it is opened. No store is asked anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from common.config.sdk import require_sdk
from common.config.setting import Kind, Setting, TextSetting
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.blobs import Driver
from common.ports.blobs.files import Files

CHECKPOINTS = Settings.checkpoint_blob_storage_endpoint
POLICY_PACKS = Settings.policy_pack_blob_storage_endpoint
BATCHES = Settings.engine_events_blob_storage_endpoint
METADATA = Settings.service_metadata_blob_storage_endpoint
PURPOSES = (CHECKPOINTS, BATCHES, POLICY_PACKS, METADATA)
_FOLDERS = {CHECKPOINTS: Settings.local_objects, POLICY_PACKS: Settings.policy_pack_local_http_objects}


@dataclass(frozen=True, slots=True)
class Store:
    """One purpose's store: the driver, the setting that named it, what it is for an operator, its folder if on this machine."""

    driver: Driver
    setting: str
    words: str
    folder: Path | None = None


def open_stores(settings: Settings) -> dict[Setting[str], Store]:
    """Return setting → store. A purpose without an address of its own uses that of the checkpoints, under its own keys."""
    checkpoints = _open(settings, CHECKPOINTS) or _folder(Settings.local_objects, settings.local_objects)
    stores = {CHECKPOINTS: checkpoints}
    for purpose in (POLICY_PACKS, BATCHES, METADATA):
        stores[purpose] = _open(settings, purpose) or checkpoints
    _require_apart(settings)
    if stores[POLICY_PACKS] is not checkpoints and _is_same_folder(stores[POLICY_PACKS].folder, checkpoints.folder):
        raise StartUpError(f"{stores[POLICY_PACKS].setting} and {checkpoints.setting} must be different folders")
    return stores


def open_address(settings: Settings, name: str, address: str) -> Store:
    """Return the store at an address of the command line: a folder, or as in the settings; `name` is for messages."""
    if "://" not in address:
        return _folder(TextSetting(name, Kind.TEXT, "", ""), Path(address).absolute())
    place = TextSetting(name, Kind.TEXT, address, "")
    return _opened(settings, place)


def _open(settings: Settings, purpose: Setting[str]) -> Store | None:
    """Return the store that a purpose's address or folder names, or None where neither is set."""
    folder = _FOLDERS.get(purpose)
    if folder is not None and not settings.is_set(folder):
        folder = None
    if not settings.is_set(purpose):
        return _folder(folder, settings.get(folder)) if folder else None
    if folder:
        raise StartUpError(f"{purpose} and {folder} are both set; only one place can hold them: unset the other")
    return _opened(settings, purpose)


def _opened(settings: Settings, purpose: Setting[str]) -> Store:
    scheme, separator, _ = settings.get(purpose).partition("://")
    opener = _SCHEMES.get(scheme.lower())
    if not separator or opener is None:
        raise StartUpError(f"{purpose} must begin with {' or '.join(f'{known}://' for known in _SCHEMES)}")
    return opener(settings, purpose)


def _s3(settings: Settings, purpose: Setting[str]) -> Store:
    require_sdk(purpose.name, "botocore", "aws")
    from common.ports.blobs.s3 import S3  # noqa: PLC0415 - only what is configured is loaded
    from common.ports.blobs.s3_address import parse  # noqa: PLC0415

    place = parse(settings.get(purpose), purpose.name, default_region=settings.aws_region)
    driver = S3(place, role_arn=settings.aws_role_arn, connections=settings.threads)
    return Store(driver, purpose.name, str(place))


def _azblob(settings: Settings, purpose: Setting[str]) -> Store:
    require_sdk(purpose.name, "azure.storage.blob", "azure")
    from common.ports.blobs.azure_blob import AzureBlobs, read_address  # noqa: PLC0415 - only what is configured is loaded

    container = read_address(
        purpose.name,
        settings.get(purpose),
        account=settings.azure_storage_account,
        domain=settings.azure_storage_domain,
        key=settings.azure_storage_key,
    )
    return Store(AzureBlobs(container), purpose.name, f"{container.service_url}/{container.name}/{container.prefix}")


def _file(settings: Settings, purpose: Setting[str]) -> Store:
    parts = urlsplit(settings.get(purpose))
    if parts.netloc or parts.query or parts.fragment or not parts.path.strip("/"):
        raise StartUpError(f"{purpose}: a folder's address is file:///path, without options")
    return _folder(purpose, Path(unquote(parts.path)))


def _folder(setting: Setting[Any], path: Path) -> Store:
    return Store(Files(path), setting.name, f"folder {path}", path)


# Scheme → how its addresses are opened.
_SCHEMES: dict[str, Callable[[Settings, Setting[str]], Store]] = {"s3": _s3, "azblob": _azblob, "file": _file}


def _require_apart(settings: Settings) -> None:
    """Raise StartUpError when policy packs are to lie among the checkpoints, or on another service than they do."""
    if not (settings.is_set(POLICY_PACKS) and settings.is_set(CHECKPOINTS)):
        return
    ours, theirs = (_address(settings.get(purpose)) for purpose in (POLICY_PACKS, CHECKPOINTS))
    if ours[0] != theirs[0]:
        raise StartUpError(f"{POLICY_PACKS} must be on the same service as {CHECKPOINTS}")
    if ours == theirs:
        raise StartUpError(f"{POLICY_PACKS} must be another bucket than {CHECKPOINTS}, or another prefix in it")


def _is_same_folder(folder: Path | None, other: Path | None) -> bool:
    return folder is not None and other is not None and folder.resolve() == other.resolve()


def _address(text: str) -> tuple[str, str, str]:
    parts = urlsplit(text)
    return parts.scheme.lower(), parts.netloc, parts.path.strip("/")
