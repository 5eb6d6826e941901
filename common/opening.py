"""Opens what the settings name: the one place that knows which drivers there are.

Nothing is made here and the database is asked nothing, so a process that has just started costs no trip. What a first
start on this machine has to make is in `common/installation.py`.
"""

from common import idproviders, masterkey, samlkeys, stores
from common.backend import Backend
from common.clock import Clock, SystemClock
from common.crypto.datakeys import DataKeys
from common.database import database_place, open_configured_database
from common.errors import StartUpError
from common.mailer import open_mailer
from common.outbound import Outbound
from common.public import base_path
from common.settings import Settings


def open_backend(settings: Settings, *, clock: Clock | None = None) -> Backend:
    """Return the backend of these settings; raises StartUpError when something it needs is not there."""
    require_supported(settings)
    clock = clock or SystemClock()
    keys = masterkey.open_key_service(settings)
    buckets = stores.open_buckets(settings)
    return Backend(
        settings=settings,
        clock=clock,
        db=open_configured_database(settings),
        checkpoints=buckets.checkpoints,
        batches=buckets.batches,
        policy_packs=buckets.policy_packs,
        metadata=buckets.metadata,
        keys=keys,
        data_keys=DataKeys(keys, clock),
        outbound=Outbound(settings.text("STACKHOLD_OUTBOUND_ALLOW"), threads=settings.integer("STACKHOLD_THREADS")),
        mailer=open_mailer(settings),
    )


def require_supported(settings: Settings) -> None:
    """Raise StartUpError for settings that contradict each other or are not understood; nothing is asked or opened."""
    masterkey.chosen(settings)
    stores.open_stores(settings)
    database_place(settings)
    open_mailer(settings)
    Outbound(settings.text("STACKHOLD_OUTBOUND_ALLOW"))
    idproviders.require_providers(settings)
    samlkeys.load_at_start(settings)
    base_path(settings)


def require_remote(settings: Settings) -> None:
    """Raise StartUpError unless database, states and master key are all kept elsewhere: a function has no disk of its own."""
    missing = [name for name in ("PULUMI_DATABASE_ENDPOINT", stores.CHECKPOINTS) if not settings.is_set(name)]
    if masterkey.chosen(settings).place is not None:
        missing.append(f"{masterkey.KMS_KEY} or {masterkey.VAULT}")
    if missing:
        msg = f"a function keeps nothing on its own disk: set {', '.join(missing)}"
        raise StartUpError(msg)
