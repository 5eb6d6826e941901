"""What the doctor warns of: the server starts all the same, and something will not work, or soon will not."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509

from common.config.mail_server import open_mailer
from common.config.object_stores import Store, open_stores
from common.config.pem import read_pem
from common.config.public_urls import has_tls, proxy_warning
from common.config.settings import Settings
from common.core.errors import BackendError, StartUpError
from common.db import health, migrate
from common.db.engine import Database
from common.ports.blobs import Bucket
from common.ports.mail import NotSent

CERTIFICATE_DAYS = 21
SKEW_SECONDS = 30.0
# A request makes a few calls of each: so much for one of them is felt by every client.
SLOW_SECONDS = 0.5


def find_warnings(settings: Settings, db: Database | None) -> list[str]:
    """Return what an operator should mend; the database is None where it cannot be used."""
    lines = [
        proxy_warning(settings),
        expiring_certificate(settings, datetime.now(UTC)),
        unusable_mail_server(settings),
    ]
    if db is not None:
        lines += [
            pending_migration(migrate.version(db)),
            skewed_clock(health.clock_skew_seconds(db)),
            health.advice(db),
            *(line for line in response_times(settings, db) if line.endswith(SLOW)),
        ]
    return [line for line in lines if line]


def pending_migration(revision: str | None) -> str:
    """Return which revision the next start will migrate the tables from, if they are older than this release."""
    if migrate.state_of(revision) is not migrate.State.OLDER:
        return ""
    return (
        f"the database is at revision {revision} and this release needs {migrate.HEAD}: take a backup, then run"
        " `stackhold migrate`, or start the server, which migrates it"
    )


def expiring_certificate(settings: Settings, now: datetime) -> str:
    """Return when the server's own certificate expires, if that is soon or past."""
    if not has_tls(settings):
        return ""
    try:
        ends = x509.load_pem_x509_certificate(read_pem(settings, Settings.api_tls_certificate)).not_valid_after_utc
    except (StartUpError, ValueError):  # It is among the problems.
        return ""
    if ends > now + timedelta(days=CERTIFICATE_DAYS):
        return ""
    word = "expired" if ends <= now else "expires"
    return (
        f"{Settings.api_tls_certificate}: the certificate {word} on {ends:%Y-%m-%d}: renew it and restart; clients refuse it then"
    )


def unusable_mail_server(settings: Settings) -> str:
    """Return why no mail can be sent; nothing is sent."""
    try:
        open_mailer(settings).check()
    except NotSent as error:
        return f"{Settings.smtp_server}: no mail can be sent: {error}; check the SMTP_ settings and the way to that server"
    except StartUpError:  # It is among the problems.
        pass
    return ""


def skewed_clock(skew: float) -> str:
    """Return how many seconds this machine's clock is ahead of the database's, if that is much: leases and tokens end by it."""
    if abs(skew) < SKEW_SECONDS:
        return ""
    word = "ahead of" if skew > 0 else "behind"
    return f"this machine's clock is {abs(skew):,.0f} seconds {word} the database's: set both by a time server (NTP)"


SLOW = "slow: a server should be near to what it works with"


def response_times(settings: Settings, db: Database) -> Iterator[str]:
    """Yield how long the database and each object store take to answer; one that does not is among the problems."""
    stores = {store.words: store for store in open_stores(settings).values()}
    yield from filter(None, [database_time(db), *(store_time(store, words) for words, store in stores.items())])


def database_time(db: Database) -> str:
    """Return how long the database takes to answer, or an empty text if it does not."""
    return _response_time("database", lambda: health.ping(db))


def store_time(store: Store, name: str) -> str:
    """Return how long an object store takes to send the first byte of an answer, or an empty text if it does not answer."""
    return _response_time(name, lambda: Bucket(store.driver).find_size("probe/response-time"))


def _response_time(name: str, call: Callable[[], object]) -> str:
    try:
        call()  # The first call connects.
        begin = time.perf_counter()
        call()
    except BackendError:
        return ""
    seconds = time.perf_counter() - begin
    return f"{name} answers in {seconds * 1000:.1f} ms{f', which is {SLOW}' if seconds > SLOW_SECONDS else ''}"
