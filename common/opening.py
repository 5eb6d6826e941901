"""Opens what the settings name, each thing once.

Nothing is made here and the database is asked nothing, so a process that has just started costs no trip. What a first
start on this machine has to make is in `common/installation.py`.
"""

from common import masterkey, stores
from common.backend import Backend
from common.blobs import Bucket
from common.clock import Clock, SystemClock
from common.crypto.datakeys import DataKeys
from common.db.engine import Database
from common.errors import StartUpError
from common.keys import KeyService
from common.plan import Plan, make_plan
from common.settings import Settings


def open_backend(settings: Settings, *, clock: Clock | None = None) -> Backend:
    """Return the backend of these settings; raises StartUpError when something it needs is not there."""
    plan = make_plan(settings)
    return open_plan(plan, plan.open_database(), masterkey.open_key_service(settings, plan.master), clock=clock)


def open_plan(plan: Plan, db: Database, keys: KeyService, *, clock: Clock | None = None) -> Backend:
    """Return the backend of a plan, with the database and the key service that were opened to check them."""
    clock = clock or SystemClock()
    checkpoints, batches, policy_packs, metadata = (Bucket(plan.stores[purpose].driver) for purpose in stores.PURPOSES)
    return Backend(
        plan=plan,
        settings=plan.settings,
        clock=clock,
        db=db,
        checkpoints=checkpoints,
        batches=batches,
        policy_packs=policy_packs,
        metadata=metadata,
        keys=keys,
        data_keys=DataKeys(keys, clock),
        outbound=plan.outbound,
        mailer=plan.mailer,
    )


def require_remote(settings: Settings) -> None:
    """Raise StartUpError unless database, states and master key are all kept elsewhere: a function has no disk of its own."""
    missing = [name for name in ("PULUMI_DATABASE_ENDPOINT", stores.CHECKPOINTS) if not settings.is_set(name)]
    if masterkey.chosen(settings).place is not None:
        missing.append(f"{masterkey.KMS_KEY} or {masterkey.VAULT}")
    if missing:
        msg = f"a function keeps nothing on its own disk: set {', '.join(missing)}"
        raise StartUpError(msg)
