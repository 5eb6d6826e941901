"""What a process holds open: the database and the ports. Built once by an entry point, handed to every service."""

from dataclasses import dataclass, field
from threading import Event

from common.config import master_key, object_stores
from common.config import telemetry as ways_out
from common.config.plan import Plan, make_plan
from common.config.settings import Settings
from common.core.clock import Clock, SystemClock
from common.core.errors import StartUpError
from common.core.recent import Recent
from common.db.engine import Database
from common.db.observing import observe
from common.ports.audit_table import AuditTable
from common.ports.blobs import Bucket
from common.ports.keys import KeyService, Signer
from common.ports.keys.data_keys import DataKeys
from common.ports.mail import Mailer
from common.ports.outbound import Outbound
from common.telemetry.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Backend:
    """The opened database, ports and settings of this process."""

    plan: Plan
    settings: Settings
    clock: Clock
    db: Database
    checkpoints: Bucket
    batches: Bucket
    policy_packs: Bucket
    metadata: Bucket
    keys: KeyService
    data_keys: DataKeys
    signer: Signer
    outbound: Outbound
    mailer: Mailer
    # The DynamoDB table that readers of audit logs get them from, where one is set.
    audit_table: AuditTable | None = None
    # Set when this process queues a message of the outbox: where a thread waits for it, it is delivered at once.
    new_messages: Event = field(default_factory=Event)
    # The doctor's last complete report.
    last_report: Recent = field(default_factory=Recent)

    @property
    def telemetry(self) -> Telemetry:
        """Return what counts, measures and traces."""
        return self.plan.telemetry

    def start_telemetry(self, *, keeps_counts: bool = True) -> None:
        """Begin to measure and trace what the settings ask for, before the first request; raises StartUpError."""
        ways_out.start(self.telemetry, self.settings, keeps_counts=keeps_counts)
        if self.telemetry.is_on:
            observe(self.db.engine, self.telemetry)

    def close(self) -> None:
        """Close what was opened."""
        self.outbound.close()
        self.db.close()
        self.telemetry.close()


def open_backend(settings: Settings, *, clock: Clock | None = None) -> Backend:
    """Return the backend of these settings; raises StartUpError when something it needs is not there."""
    plan = make_plan(settings)
    return open_plan(plan, plan.open_database(), master_key.open_key_service(settings, plan.master), clock=clock)


def open_plan(plan: Plan, db: Database, keys: KeyService, *, clock: Clock | None = None) -> Backend:
    """Return the backend of a plan, with the database and the key service that were opened to check them."""
    clock = clock or SystemClock()
    keys.telemetry = plan.telemetry
    checkpoints, batches, policy_packs, metadata = (
        Bucket(plan.stores[purpose].driver, plan.telemetry) for purpose in object_stores.PURPOSES
    )
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
        signer=master_key.open_signer(plan.settings),
        outbound=plan.outbound,
        mailer=plan.mailer,
        audit_table=plan.audit_table,
    )


def require_remote(settings: Settings) -> None:
    """Raise StartUpError unless database, states and master key are all kept elsewhere: a function has no disk of its own."""
    missing = [
        setting.name for setting in (Settings.database_endpoint, object_stores.CHECKPOINTS) if not settings.is_set(setting)
    ]
    if master_key.chosen(settings).place is not None:
        missing.append(f"{master_key.KMS_KEY} or {master_key.VAULT}")
    if missing:
        raise StartUpError(f"a function cannot keep data on its own disk: set {', '.join(missing)}")
