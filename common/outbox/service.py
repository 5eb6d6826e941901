"""The outbox: a job delivers its messages at least once, and in order where they are about one subject.

A process claims each message before it delivers it, so two processes at once do not deliver the same one. When a process ends
after it delivered a message and before it stored that, the message is delivered again once the claim has expired, with the same
key. A message that fails is tried again after a growing pause, and given up in the end; site administrators see it and can retry.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Forbidden, NotFound
from common.core.paging import make_token, read_token, seal
from common.db.retry import retry as retry_on_contention
from common.outbox import repository
from common.outbox.model import CLAIM_MILLIS, Message, NotDelivered, Postponed, State
from common.rights.caller import Caller
from common.telemetry.instruments import DELIVERIES

LOG = logging.getLogger("stackhold.outbox")
PAGE_SIZE = 50
ATTEMPTS = 8
PAUSE_MILLIS, LONGEST_PAUSE_MILLIS = 30_000, 3_600_000
# A message to a target that stays paused is given up after this time.
LONGEST_WAIT_MILLIS = 3 * 86_400_000
# A topic whose targets are slow leaves two places to others.
TARGETS_AT_ONCE, TARGETS_OF_ONE_TOPIC = 8, 6
# Work on one target, and a step of the job, begin nothing new after these times.
TARGET_SECONDS, STEP_SECONDS = 2.0, 8.0
# While some targets are slow, this often the others are looked at.
LOOK_SECONDS = 0.2
ABANDONED = "every attempt to deliver it was interrupted"
TOO_OLD = "its receiver was paused for too long"
_PROBLEM_LIMIT = 255

# Delivers a message, or raises NotDelivered or Postponed.
Deliver = Callable[[Backend, Message], None]
_Target = tuple[str, str]


def next_due_at(backend: Backend) -> int | None:
    """Return when the next message is due, in unix milliseconds, or None if none waits."""
    # No permission check: the schedule is part of the installation.
    with backend.db.connect() as connection:
        return repository.find_next_due(connection)


def deliver_due(backend: Backend, handlers: Mapping[str, Deliver], may_continue: Callable[[], bool] = lambda: True) -> int:
    """Deliver messages that are due, by the handlers of their topics, and return how many were attempted.

    Targets are served side by side, so that a slow one does not hold up the others. Returns when nothing is due, or after a few
    seconds; a process that is about to end returns False from `may_continue`.
    """
    # No permission check: the schedule is part of the installation.
    number, end = 0, time.monotonic() + STEP_SECONDS
    running: dict[Future[int], _Target] = {}
    with ThreadPoolExecutor(TARGETS_AT_ONCE, "outbox") as threads:
        while True:
            if time.monotonic() < end and may_continue():
                for topic, target in _list_new_targets(backend, handlers, set(running.values())):
                    running[threads.submit(_deliver_to, backend, topic, target, handlers[topic])] = (topic, target)
            if not running:
                return number
            done, _ = wait(running, LOOK_SECONDS, FIRST_COMPLETED)
            for future in done:
                del running[future]
                number += future.result()


def page_failed(backend: Backend, caller: Caller, token: str | None) -> tuple[list[Message], str | None]:
    """Return messages that were given up, the newest first, and the token of the next page or None; for site administrators."""
    _require_site_admin(caller)
    sealed = seal(caller.user_id, "outbox")
    before = _position(token, sealed) if token is not None else None
    with backend.db.connect() as connection:
        rows = repository.page_failed(connection, before, PAGE_SIZE + 1)
    page = rows[:PAGE_SIZE]
    return page, make_token(sealed, str(page[-1].sequence)) if len(rows) > PAGE_SIZE else None


def retry(backend: Backend, caller: Caller, sequence: int) -> None:
    """Deliver a message that was given up after all, with as many attempts as a new one. For site administrators.

    Raises NotFound if there is no such message.
    """
    _require_site_admin(caller)
    with backend.db.connect() as connection:
        is_waiting = repository.retry(connection, sequence, unix_millis(backend.clock.now()))
    if not is_waiting:
        raise NotFound("there is no message with this number that was given up")
    backend.new_messages.set()


def _list_new_targets(backend: Backend, handlers: Mapping[str, Deliver], running: set[_Target]) -> list[_Target]:
    """Return targets to serve next to those that are being served."""
    if len(running) == TARGETS_AT_ONCE:
        return []
    served = [*running]
    with backend.db.connect() as connection:
        while True:
            counts = Counter(topic for topic, _ in served)
            topics = [topic for topic in handlers if counts[topic] < TARGETS_OF_ONE_TOPIC]
            limit = TARGETS_AT_ONCE - len(served)
            if not topics or not limit:
                break
            rows = repository.list_due_targets(connection, topics, served, unix_millis(backend.clock.now()), limit)
            before = len(served)
            for topic, target in rows:
                if counts[topic] < TARGETS_OF_ONE_TOPIC:
                    counts[topic] += 1
                    served.append((topic, target))
            if len(served) - before == len(rows):
                break
    return served[len(running) :]


def _deliver_to(backend: Backend, topic: str, target: str, deliver: Deliver) -> int:
    end, number = time.monotonic() + TARGET_SECONDS, 0
    while time.monotonic() < end:
        with backend.db.connect() as connection:
            now_millis = unix_millis(backend.clock.now())
            message = repository.find_due(connection, topic, target, now_millis)
            if message is None:
                break
            claimed_until = now_millis + CLAIM_MILLIS
            is_claimed = repository.claim(connection, message, claimed_until)
        if is_claimed:
            _attempt(backend, message, claimed_until, deliver)
            number += 1
    return number


def _attempt(backend: Backend, message: Message, claimed_until: int, deliver: Deliver) -> None:
    result = _deliver(backend, message, claimed_until, deliver)
    backend.telemetry.record(DELIVERIES, 1, message.topic, result)


def _deliver(backend: Backend, message: Message, claimed_until: int, deliver: Deliver) -> str:
    """Deliver a message, store the result, and return it in a word."""
    if message.attempts >= ATTEMPTS:
        _store_failure(backend, message, claimed_until, NotDelivered(ABANDONED, is_final=True))
        return "failed"
    try:
        deliver(backend, message)
    except Postponed as postponed:
        _postpone(backend, message, claimed_until, postponed.until_millis)
        return "postponed"
    except NotDelivered as failure:
        _store_failure(backend, message, claimed_until, failure)
        return "failed"
    except Exception as error:
        LOG.exception("a message of topic %s could not be delivered", message.topic)
        _store_failure(backend, message, claimed_until, NotDelivered(type(error).__name__))
        return "failed"
    _store_result(backend, message, claimed_until, State.DELIVERED)
    return "delivered"


def _store_failure(backend: Backend, message: Message, claimed_until: int, failure: NotDelivered) -> None:
    problem = str(failure)[:_PROBLEM_LIMIT]
    if failure.is_final or message.attempts + 1 >= ATTEMPTS:
        LOG.warning("a message of topic %s was given up: %s", message.topic, problem)
        _store_result(backend, message, claimed_until, State.FAILED, problem)
        return
    now_millis = unix_millis(backend.clock.now())
    due_at = now_millis + _pause_millis(message.attempts)

    def store() -> None:
        with backend.db.begin() as tx:
            repository.store_failure(tx, message, claimed_until, due_at=due_at, now_millis=now_millis, problem=problem)

    retry_on_contention(store)


def _store_result(backend: Backend, message: Message, claimed_until: int, state: State, problem: str = "") -> None:
    def store() -> None:
        now_millis = unix_millis(backend.clock.now())
        with backend.db.connect() as connection:
            repository.store_result(connection, message, claimed_until, state=state, now_millis=now_millis, problem=problem)

    retry_on_contention(store)


def _postpone(backend: Backend, message: Message, claimed_until: int, until_millis: int) -> None:
    now_millis = unix_millis(backend.clock.now())
    if message.created_at < now_millis - LONGEST_WAIT_MILLIS:
        _store_failure(backend, message, claimed_until, NotDelivered(TOO_OLD, is_final=True))
        return

    def store() -> None:
        with backend.db.begin() as tx:
            repository.postpone(tx, message, claimed_until, until_millis=until_millis, now_millis=now_millis)

    retry_on_contention(store)


def _pause_millis(attempts: int) -> int:
    """Return the pause after so many attempts and one more: it doubles each time, and varies so that not all come at once."""
    pause = min(PAUSE_MILLIS * 2**attempts, LONGEST_PAUSE_MILLIS)
    return int(pause * random.uniform(0.75, 1.25))  # noqa: S311 - no secret depends on it


def _require_site_admin(caller: Caller) -> None:
    if not (caller.site_admin and caller.is_themselves):
        raise Forbidden("only administrators of this server can do this")


def _position(token: str, sealed: str) -> int:
    (sequence,) = read_token(token, sealed, 1)
    if not (sequence.isascii() and sequence.isdigit() and len(sequence) < 20):
        raise BadRequest("the continuation token is not valid")
    return int(sequence)
