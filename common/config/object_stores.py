"""Opens the object stores that the settings name: four purposes, each with its own address, folder, or share of another's.

The table of drivers is here: a scheme, the words for it, and how it is opened. No store is asked anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from common.config.sdk import require_sdk
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.blobs import Driver
from common.ports.blobs.files import Files

CHECKPOINTS = "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT"
POLICY_PACKS = "PULUMI_POLICY_PACK_BLOB_STORAGE_ENDPOINT"
BATCHES = "PULUMI_ENGINE_EVENTS_BLOB_STORAGE_ENDPOINT"
METADATA = "PULUMI_SERVICE_METADATA_BLOB_STORAGE_ENDPOINT"
PURPOSES = (CHECKPOINTS, BATCHES, POLICY_PACKS, METADATA)
OBJECTS = "PULUMI_LOCAL_OBJECTS"
_FOLDERS = {CHECKPOINTS: OBJECTS, POLICY_PACKS: "PULUMI_POLICY_PACK_LOCAL_HTTP_OBJECTS"}


@dataclass(frozen=True, slots=True)
class Store:
    """One purpose's store: the driver, the setting that named it, what it is for an operator, its folder if on this machine."""

    driver: Driver
    setting: str
    words: str
    folder: Path | None = None


def open_stores(settings: Settings) -> dict[str, Store]:
    """Return setting → store. A purpose without an address of its own uses that of the checkpoints, under its own keys."""
    checkpoints = _open(settings, CHECKPOINTS) or _folder(OBJECTS, settings.path(OBJECTS, "objects"))
    stores = {CHECKPOINTS: checkpoints}
    for name in (POLICY_PACKS, BATCHES, METADATA):
        stores[name] = _open(settings, name) or checkpoints
    _require_apart(settings)
    if stores[POLICY_PACKS] is not checkpoints and _is_same_folder(stores[POLICY_PACKS].folder, checkpoints.folder):
        raise StartUpError(f"{stores[POLICY_PACKS].setting} and {checkpoints.setting} must be different folders")
    return stores


def _open(settings: Settings, name: str) -> Store | None:
    """Return the store that a purpose's address or folder names, None where neither is set."""
    folder = _FOLDERS.get(name, "")
    has_folder = bool(folder) and settings.is_set(folder)
    if not settings.is_set(name):
        return _folder(folder, settings.path(folder, "")) if has_folder else None
    if has_folder:
        raise StartUpError(f"{name} and {folder} are both set; only one place can hold them: unset the other")
    scheme, separator, _ = settings.text(name).partition("://")
    opener = _SCHEMES.get(scheme.lower())
    if not separator or opener is None:
        raise StartUpError(f"{name} must begin with {' or '.join(f'{known}://' for known in _SCHEMES)}")
    return opener(settings, name)


def _s3(settings: Settings, name: str) -> Store:
    require_sdk(name, "botocore", "aws")
    from common.ports.blobs.s3 import S3  # noqa: PLC0415 - only what is configured is loaded
    from common.ports.blobs.s3_address import parse  # noqa: PLC0415

    place = parse(settings.text(name), name, default_region=settings.text("AWS_REGION"))
    driver = S3(place, role_arn=settings.text("AWS_ROLE_ARN"), connections=settings.integer("STACKHOLD_THREADS"))
    return Store(driver, name, str(place))


def _azblob(settings: Settings, name: str) -> Store:
    require_sdk(name, "azure.storage.blob", "azure")
    from common.ports.blobs.azure_blob import AzureBlobs, read_address  # noqa: PLC0415 - only what is configured is loaded

    container = read_address(
        name,
        settings.text(name),
        account=settings.text("AZURE_STORAGE_ACCOUNT"),
        domain=settings.text("AZURE_STORAGE_DOMAIN"),
        key=settings.text("AZURE_STORAGE_KEY"),
    )
    return Store(AzureBlobs(container), name, f"{container.service_url}/{container.name}/{container.prefix}")


def _file(settings: Settings, name: str) -> Store:
    parts = urlsplit(settings.text(name))
    if parts.netloc or parts.query or parts.fragment or not parts.path.strip("/"):
        raise StartUpError(f"{name}: a folder's address is file:///path, without options")
    return _folder(name, Path(unquote(parts.path)))


def _folder(setting: str, path: Path) -> Store:
    return Store(Files(path), setting, f"folder {path}", path)


# Scheme → how its addresses are opened.
_SCHEMES: dict[str, Callable[[Settings, str], Store]] = {"s3": _s3, "azblob": _azblob, "file": _file}


def _require_apart(settings: Settings) -> None:
    """Raise StartUpError when policy packs are to lie among the checkpoints, or on another service than they do."""
    if not (settings.is_set(POLICY_PACKS) and settings.is_set(CHECKPOINTS)):
        return
    ours, theirs = (_address(settings.text(name)) for name in (POLICY_PACKS, CHECKPOINTS))
    if ours[0] != theirs[0]:
        raise StartUpError(f"{POLICY_PACKS} must be on the same service as {CHECKPOINTS}")
    if ours == theirs:
        raise StartUpError(f"{POLICY_PACKS} must be another bucket than {CHECKPOINTS}, or another prefix in it")


def _is_same_folder(one: Path | None, other: Path | None) -> bool:
    return one is not None and other is not None and one.resolve() == other.resolve()


def _address(text: str) -> tuple[str, str, str]:
    parts = urlsplit(text)
    return parts.scheme.lower(), parts.netloc, parts.path.strip("/")
