"""What a process holds open: the database and the ports. Built once by an entry point, handed to every service."""

from dataclasses import dataclass

from common.blobs import Bucket
from common.clock import Clock
from common.crypto.datakeys import DataKeys
from common.db.engine import Database
from common.keys import KeyService
from common.mail import Mailer
from common.outbound import Outbound
from common.plan import Plan
from common.settings import Settings


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
