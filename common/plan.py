"""What the settings name, read once: the plan from which an entry point checks an installation and opens it.

Nothing is asked or made here. A setting that is wrong is found, before anything else happens.
"""

from dataclasses import dataclass
from pathlib import Path

from common import idproviders, masterkey, samlkeys, stores
from common.database import database_place, open_database_at
from common.db.engine import Database
from common.db.place import MySQL
from common.mail import Mailer
from common.mailer import open_mailer
from common.masterkey import Master
from common.outbound import Outbound
from common.public import base_path, require_domains
from common.settings import Settings
from common.stores import Store


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts of an installation, by the settings that name them."""

    settings: Settings
    master: Master
    stores: dict[str, Store]
    database: Path | MySQL
    mailer: Mailer
    outbound: Outbound

    def open_database(self) -> Database:
        """Return the database, which is not asked anything yet."""
        return open_database_at(self.database, self.settings)


def make_plan(settings: Settings) -> Plan:
    """Return the plan of these settings; raises StartUpError for settings that contradict each other or are not understood."""
    idproviders.require_providers(settings)
    samlkeys.load_at_start(settings)
    base_path(settings)
    require_domains(settings)
    return Plan(
        settings=settings,
        master=masterkey.chosen(settings),
        stores=stores.open_stores(settings),
        database=database_place(settings),
        mailer=open_mailer(settings),
        outbound=Outbound(settings.text("STACKHOLD_OUTBOUND_ALLOW"), threads=settings.integer("STACKHOLD_THREADS")),
    )
