"""What a process holds open: the database and the ports. Built once by an entry point, handed to every service."""

from dataclasses import dataclass

from common.config.plan import Plan
from common.config.settings import Settings
from common.core.clock import Clock
from common.db.engine import Database
from common.ports.blobs import Bucket
from common.ports.keys import KeyService
from common.ports.keys.data_keys import DataKeys
from common.ports.mail import Mailer
from common.ports.outbound import Outbound


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
    outbound: Outbound
    mailer: Mailer

    def close(self) -> None:
        """Close what was opened."""
        self.outbound.close()
        self.db.close()
