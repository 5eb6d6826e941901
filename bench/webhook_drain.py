"""How long two job runners take to send queued events to webhooks, and whether anything is sent twice.

`python -m bench.webhook_drain 10000` queues events for twenty webhooks in a new SQLite file, and lets two processes deliver them
to a receiver on loopback. It fails unless each event arrives exactly once.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from common.backend import Backend, open_backend
from common.config.settings import Settings
from common.db.engine import open_database
from common.db.migrate import migrate
from common.outbox import steps as outbox
from common.outbox.model import NewMessage
from common.ports.keys.local import create_key
from common.stacks import events
from common.stacks.model import Kind
from common.webhooks import delivery
from functions.jobs import deliver_messages
from tests.factories.people import make_admin
from tests.factories.stacks import make_stack
from tests.factories.webhooks import make_webhook
from tests.peers.webhook_receiver import WebhookReceiver

WEBHOOKS, RUNNERS, ROWS = 20, 2, 500


def main(count: int) -> int:
    """Queue, drain, and print the time; return the exit code."""
    with tempfile.TemporaryDirectory() as folder, WebhookReceiver() as receiver:
        data = Path(folder)
        (data / "objects").mkdir()
        create_key(data / "keys")
        database = open_database(data / "stackhold.db", pool_size=1)
        migrate(database)
        database.close()
        queue(open_here(data), receiver.url, count)
        began = time.monotonic()
        commands = [[sys.executable, "-m", "bench.webhook_drain", "--run", folder]] * RUNNERS
        codes = [process.wait() for process in [subprocess.Popen(command) for command in commands]]
        seconds = time.monotonic() - began
        times = Counter(request.id for request in receiver.received)
    twice = sum(number > 1 for number in times.values())
    print(f"{count} events, {RUNNERS} runners: {seconds:.1f} s, {count / seconds:.0f}/s; arrived {len(times)}, twice {twice}")
    return 0 if (len(times), twice, codes) == (count, 0, [0] * RUNNERS) else 1


def open_here(data: Path) -> Backend:
    """Open the server of a folder, which may call loopback."""
    return open_backend(Settings({"STACKHOLD_DATA": str(data), "STACKHOLD_OUTBOUND_ALLOW": "127.0.0.1"}))


def queue(backend: Backend, url: str, count: int) -> None:
    """Queue so many events, spread over the webhooks."""
    admin = make_admin(backend)
    path = make_stack(backend, admin)
    deliver_messages(backend)  # That the stack was created, before there are webhooks for it.
    hooks = [make_webhook(backend, admin, f"{url}/{number}", f"hook{number}").id for number in range(WEBHOOKS)]
    content = events.started(events.Run("stack", path, "update", Kind.UPDATE, dry_run=False, version=1)).content
    for first in range(0, count, ROWS):
        numbers = range(first, min(first + ROWS, count))
        with backend.db.begin() as tx:
            rows = [NewMessage(delivery.TOPIC, hooks[number % WEBHOOKS], "stack", content) for number in numbers]
            outbox.queue(tx, backend, rows)
    backend.close()


def drain(data: Path) -> int:
    """Deliver until nothing is left, and return the exit code."""
    backend, idle = open_here(data), 0
    while idle < 5:  # The other runner may hold the last ones.
        idle = 0 if deliver_messages(backend) else idle + 1
        time.sleep(0.2 if idle else 0)
    backend.close()
    return 0


if __name__ == "__main__":
    sys.exit(drain(Path(sys.argv[2])) if sys.argv[1] == "--run" else main(int(sys.argv[1])))
