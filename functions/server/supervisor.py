"""Several server processes over one socket: started, watched, replaced when they die, ended together."""

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType

from common.config.settings import Settings
from common.core.errors import StartUpError
from common.telemetry.prometheus import FOLDER_VARIABLE, forget_process

LOG = logging.getLogger("stackhold.server")

# After SIGTERM requests may go on for so long. Container platforms wait 30 seconds by default before they kill.
GRACE_SECONDS = 25
CHECK_SECONDS = 0.2
# A worker that ends sooner has served no request: another attempt at once would fail as well.
SHORTEST_LIFE_SECONDS = 5.0
KILL_AFTER_SECONDS = GRACE_SECONDS + 5


class Workers:
    """The processes that serve, and the one that watches them: this one."""

    def __init__(self, settings: Settings, listener: socket.socket, count: int, console: socket.socket | None = None) -> None:
        """Start nothing yet; raises StartUpError where a process cannot be handed a socket.

        `console` is a second listener, for links of the command line.
        """
        if os.name != "posix":
            raise StartUpError("several server processes need a POSIX system; set STACKHOLD_WORKERS to 1")
        self._settings = settings
        self._listeners = [listener] if console is None else [listener, console]
        self._count = count
        self._asked_to_end = threading.Event()
        self._started_at: dict[subprocess.Popen[bytes], float] = {}
        # Where the processes keep what they count, so that each of them can answer for all.
        self._metrics_folder: Path | None = None
        # Workers hold the reading end: when this process is gone, however it ended, they see it and end as well.
        self._alive_reader, self._alive_writer = os.pipe()

    def run(self, news: str) -> int:
        """Serve until a signal asks to end, and return the exit code; the log gets the news that it has begun."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        if not self._settings.is_set(Settings.metrics_webhook_secret):
            return self._watch(news)
        with tempfile.TemporaryDirectory(prefix="stackhold-metrics-") as folder:
            self._metrics_folder = Path(folder)
            return self._watch(news)

    def _watch(self, news: str) -> int:
        for _ in range(self._count):
            self._start()
        LOG.info("%s", news)
        failed = False
        while not self._asked_to_end.wait(CHECK_SECONDS):
            failed = not all(self._is_well(worker) for worker in list(self._started_at))
            if failed:
                break
        self._end_all()
        return 1 if failed else 0

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_end.set()

    def _start(self) -> None:
        handed = (self._alive_reader, *(listener.fileno() for listener in self._listeners))
        # -P: the folder the operator stands in may have a `common` of its own.
        command = [sys.executable, "-P", "-m", "functions.server.worker", *(str(descriptor) for descriptor in handed)]
        environment = {**os.environ, **self._settings.as_env()}
        if self._metrics_folder is not None:
            environment[FOLDER_VARIABLE] = str(self._metrics_folder)
        # Ctrl-C at the terminal reaches workers too. Until they handle it they ignore it: this process tells them anyway.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        worker = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, pass_fds=handed)  # noqa: S603 - our own
        signal.signal(signal.SIGINT, handler)
        self._started_at[worker] = time.monotonic()

    def _is_well(self, worker: subprocess.Popen[bytes]) -> bool:
        """Replace a worker that has ended; tell False when that would not help."""
        code = worker.poll()
        if code is None or self._asked_to_end.is_set():
            return True
        lived = time.monotonic() - self._started_at.pop(worker)
        if self._metrics_folder is not None:
            forget_process(self._metrics_folder, worker.pid)
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if code > 0 and lived < SHORTEST_LIFE_SECONDS:
            LOG.error("worker %d %s before it was ready; stopping", worker.pid, how)
            return False
        LOG.error("worker %d %s; starting another one", worker.pid, how)
        self._start()
        return True

    def _end_all(self) -> None:
        for worker in self._started_at:
            worker.terminate()
        deadline = time.monotonic() + KILL_AFTER_SECONDS
        for worker in self._started_at:
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
