"""The clock of the background jobs on a machine of one's own; in the clouds a schedule takes its place."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from common.backend import Backend
from common.installation import measurements
from functions.jobs import deliver_messages, run_due

LOG = logging.getLogger("stackhold.jobs")
TICK_SECONDS = 5
# A job in progress is bounded and goes on next time; the end of the process does not wait for much of it.
STOP_SECONDS = 10
# A message is queued before its transaction is committed, which takes less than this.
COMMIT_SECONDS = 0.1
PUSH_SECONDS = 60


class Ticker:
    """Runs what is due every few seconds while its `with` block lasts, in a thread of its own.

    Another thread delivers the messages of the outbox that this process queues, as soon as they are committed. The job delivers
    those of other processes, and those that could not be delivered at once.
    """

    def __init__(
        self, backend: Backend, *, enabled: bool, deliver: Callable[[Backend, Callable[[], bool]], int] = deliver_messages
    ) -> None:
        """Do nothing yet, and nothing ever when not enabled."""
        self._backend, self._deliver_messages = backend, deliver
        self._enabled = enabled
        self._stopping = threading.Event()
        self._pushed_at = time.monotonic() - PUSH_SECONDS
        self._threads = [
            threading.Thread(target=self._run, name="ticker", daemon=True),
            threading.Thread(target=self._deliver, name="outbox", daemon=True),
        ]

    def __enter__(self) -> Self:
        """Begin."""
        if self._enabled:
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """End, after the job in progress."""
        self._stopping.set()
        self._backend.new_messages.set()
        if self._enabled:
            for thread in self._threads:
                thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                run_due(self._backend, may_continue=self._may_continue)
                self._push_gauges()
            except Exception:  # The next tick tries again; a thread that died would leave leases unexpired for ever.
                LOG.exception("cannot read which jobs are due")

    def _push_gauges(self) -> None:
        """Tell a receiver of OTLP what the database knows, once a minute."""
        if time.monotonic() - self._pushed_at >= PUSH_SECONDS:
            measurements.push(self._backend)
            self._pushed_at = time.monotonic()

    def _deliver(self) -> None:
        new_messages = self._backend.new_messages
        while new_messages.wait() and not self._stopping.wait(COMMIT_SECONDS):
            new_messages.clear()
            try:
                while self._may_continue() and self._deliver_messages(self._backend, self._may_continue):
                    pass
            except Exception:  # The job delivers what is left.
                LOG.exception("messages could not be delivered immediately")

    def _may_continue(self) -> bool:
        return not self._stopping.is_set()
