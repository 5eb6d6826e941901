"""The clock of the background jobs on a machine of one's own; in the clouds a schedule takes its place."""

import logging
import threading
from types import TracebackType
from typing import Self

from common.backend import Backend
from functions.jobs import run_due

LOG = logging.getLogger("stackhold.jobs")
TICK_SECONDS = 5
# A job in progress is bounded and goes on next time; the end of the process does not wait for much of it.
STOP_SECONDS = 10


class Ticker:
    """Runs what is due every few seconds while its `with` block lasts, in a thread of its own."""

    def __init__(self, backend: Backend, *, enabled: bool) -> None:
        """Do nothing yet, and nothing ever when not enabled."""
        self._backend = backend
        self._enabled = enabled
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        if self._enabled:
            self._thread.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """End, after the job in progress."""
        self._stopping.set()
        if self._enabled:
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                run_due(self._backend, may_continue=lambda: not self._stopping.is_set())
            except Exception:  # The next tick tries again; a thread that died would leave leases unexpired for ever.
                LOG.exception("the jobs that were due could not be looked up")
