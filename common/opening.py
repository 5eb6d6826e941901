"""Opens what the settings name: the one place that knows which drivers there are.

Nothing is made here and the database is asked nothing, so a process that has just started costs no trip. What a first
start on this machine has to make is in `common/installation.py`.
"""

import ssl
from pathlib import Path

from common.backend import Backend
from common.blobs import Bucket
from common.blobs.files import Files
from common.clock import Clock, SystemClock
from common.crypto.datakeys import DataKeys
from common.db.engine import Database, MySQL, open_database
from common.errors import StartUpError
from common.keys import KeyService
from common.keys.local import LocalKey, read_key
from common.settings import Settings

DATABASE_FILE = "stackhold.db"
# Beside the handlers, the jobs hold a connection of their own.
SPARE_CONNECTIONS = 2
_CHECKPOINTS, _BATCHES = "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT", "PULUMI_ENGINE_EVENTS_BLOB_STORAGE_ENDPOINT"
_MASTER_KEYS = ("PULUMI_LOCAL_KEYS", "PULUMI_KMS_KEY", "PULUMI_AZURE_KV_URI")
_STORES = {"s3": "S3", "azblob": "Azure Blob Storage"}
_TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# Accepted from older configurations, never obeyed: what they allow is broken.
_RAISED_TLS_VERSIONS = ("1.0", "1.1")


def open_backend(settings: Settings, *, clock: Clock | None = None) -> Backend:
    """Return the backend of these settings; raises StartUpError when something it needs is not there."""
    require_supported(settings)
    clock = clock or SystemClock()
    keys = KeyService(LocalKey(read_key(key_place(settings))))
    objects = objects_folder(settings)
    return Backend(
        settings=settings,
        clock=clock,
        db=open_configured_database(settings),
        checkpoints=Bucket(Files(objects)),
        batches=Bucket(Files(objects)),
        keys=keys,
        data_keys=DataKeys(keys, clock),
    )


def open_configured_database(settings: Settings) -> Database:
    """Return the database of these settings, opened; a SQLite file that is absent comes into being on first use."""
    place = database_place(settings)
    return open_database(place, pool_size=settings.integer("STACKHOLD_THREADS") + SPARE_CONNECTIONS)


def require_supported(settings: Settings) -> None:
    """Raise StartUpError for combinations of settings that contradict each other or ask for what is not built."""
    masters = [name for name in _MASTER_KEYS if settings.is_set(name)]
    if len(masters) > 1:
        msg = f"{' and '.join(masters)} are both set; exactly one key service can encrypt: unset the others"
        raise StartUpError(msg)
    for name in ("PULUMI_KMS_KEY", "PULUMI_AZURE_KV_URI"):
        if settings.is_set(name):
            raise _not_built(name, "AWS KMS" if name == "PULUMI_KMS_KEY" else "Azure Key Vault")
    for name in (_CHECKPOINTS, _BATCHES):
        if settings.is_set(name):
            scheme = settings.text(name).partition("://")[0]
            if scheme not in _STORES:
                msg = f"{name} must begin with s3:// or azblob://"
                raise StartUpError(msg)
            raise _not_built(name, _STORES[scheme])
    database_place(settings)


def database_place(settings: Settings) -> Path | MySQL:
    """Return the SQLite file, or the MySQL server and how to get in; raises StartUpError."""
    if not settings.is_set("PULUMI_DATABASE_ENDPOINT"):
        return settings.data_folder / DATABASE_FILE
    if not settings.is_set("PULUMI_DATABASE_USER_NAME"):
        msg = "PULUMI_DATABASE_USER_NAME must be set with PULUMI_DATABASE_ENDPOINT"
        raise StartUpError(msg)
    host, port = _host_and_port(settings.text("PULUMI_DATABASE_ENDPOINT"))
    return MySQL(
        host=host,
        port=port,
        database=settings.text("PULUMI_DATABASE_NAME"),
        user=settings.text("PULUMI_DATABASE_USER_NAME"),
        password=settings.text("PULUMI_DATABASE_USER_PASSWORD"),
        tls=_database_tls(settings),
    )


def key_place(settings: Settings) -> Path:
    """Return the local key's file or folder."""
    return settings.path("PULUMI_LOCAL_KEYS", "keys")


def objects_folder(settings: Settings) -> Path:
    """Return the folder for documents."""
    return settings.path("PULUMI_LOCAL_OBJECTS", "objects")


def tls_version(settings: Settings, name: str) -> ssl.TLSVersion:
    """Return the lowest TLS version a setting allows; raises StartUpError."""
    text = settings.text(name)
    if text in _RAISED_TLS_VERSIONS:
        return ssl.TLSVersion.TLSv1_2
    if text not in _TLS_VERSIONS:
        msg = f"{name} must be 1.2 or 1.3"
        raise StartUpError(msg)
    return _TLS_VERSIONS[text]


def _not_built(name: str, service: str) -> StartUpError:
    return StartUpError(f"{name} is set and this release cannot use {service} yet; unset it, or wait for the release that can")


def _host_and_port(endpoint: str) -> tuple[str, int]:
    host, separator, port = endpoint.rpartition(":")
    if not separator or port.endswith("]"):
        host, port = endpoint, "3306"
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        msg = "PULUMI_DATABASE_ENDPOINT must be host:port"
        raise StartUpError(msg)
    return host, int(port)


def _database_tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.is_set("DATABASE_CA_CERTIFICATE"):
        return None
    try:
        context = ssl.create_default_context(cadata=settings.text("DATABASE_CA_CERTIFICATE"))
    except (ssl.SSLError, ValueError) as error:
        msg = "DATABASE_CA_CERTIFICATE must be the text of a certificate in PEM form, not a path"
        raise StartUpError(msg) from error
    context.minimum_version = tls_version(settings, "DATABASE_MIN_TLS_VERSION")
    return context
