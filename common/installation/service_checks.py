"""Runs checks of services side by side, and waits for each no longer than it is told."""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Thread

from common.installation.model import Check, Outcome

LOG = logging.getLogger("stackhold.doctor")


def check_services(checks: Sequence[tuple[str, Callable[[], Check]]], patience_seconds: float) -> list[Check]:
    """Return the results of (name, check) pairs in their order; a check without a result in time, or with an error, has failed.

    A thread that hangs is left behind: its own timeouts end it.
    """
    results = dict[int, Check]()

    def run(number: int, name: str, check: Callable[[], Check]) -> None:
        try:
            results[number] = check()
        except Exception as error:
            LOG.exception("the check of %s ended with an error", name)
            results[number] = Check(name, Outcome.FAILED, (f"The check ended with an error: {type(error).__name__}.",))

    # Daemons, so that a process can end while one of them hangs.
    threads = [Thread(target=run, args=(number, *pair), daemon=True) for number, pair in enumerate(checks)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"No answer within {patience_seconds:g} seconds."
    return [results.get(number) or Check(name, Outcome.FAILED, (late,)) for number, (name, _) in enumerate(checks)]
