"""What the settings name, read once: the plan from which an entry point checks an installation and opens it.

Nothing is asked or made here. A setting that is wrong is found, before anything else happens.
"""

from dataclasses import dataclass
from pathlib import Path

from common.config import identity_providers, master_key, saml_certificate
from common.config import object_stores as stores
from common.config.audit_table import open_audit_table
from common.config.database import database_place, open_database_at
from common.config.mail_server import open_mailer
from common.config.master_key import Master
from common.config.object_stores import Store
from common.config.public_urls import base_path, require_domains
from common.config.setting import Setting
from common.config.settings import Settings
from common.db.address import MySQL
from common.db.engine import Database
from common.ports.audit_table import AuditTable
from common.ports.mail import Mailer
from common.ports.outbound import Outbound
from common.telemetry.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of an installation, by the settings that name them."""

    settings: Settings
    master: Master
    stores: dict[Setting[str], Store]
    database: Path | MySQL
    mailer: Mailer
    outbound: Outbound
    telemetry: Telemetry
    audit_table: AuditTable | None = None

    def open_database(self) -> Database:
        """Return the database, which is not asked anything yet."""
        return open_database_at(self.database, self.settings)


def make_plan(settings: Settings) -> Plan:
    """Return the plan of these settings; raises StartUpError for settings that contradict each other or are not understood."""
    identity_providers.require_providers(settings)
    saml_certificate.load_at_start(settings)
    base_path(settings)
    require_domains(settings)
    telemetry = Telemetry()
    return Plan(
        settings=settings,
        master=master_key.chosen(settings),
        stores=stores.open_stores(settings),
        database=database_place(settings),
        mailer=open_mailer(settings),
        outbound=Outbound(settings.outbound_allow, threads=settings.threads, telemetry=telemetry),
        telemetry=telemetry,
        audit_table=open_audit_table(settings),
    )
