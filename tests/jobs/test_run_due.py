import logging
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from common.backend import Backend
from common.core.clock import unix_millis
from common.db import job_claims
from functions.jobs import CLAIM_SECONDS, JOBS, Job, Step, next_due_at, run_due
from tests.clocks import FrozenClock


class Steps:
    """A job that counts its steps and has as many as it is told."""

    def __init__(self, number: int = 1) -> None:
        self.left, self.words = number, list[str]()

    def step(self, _backend: Backend, resume_after: str) -> Step:
        self.words.append(resume_after)
        self.left -= 1
        return Step(1, more=self.left > 0, resume_after=f"after {len(self.words)}" if self.left else "")


class TestRunDue:
    def test_runs_a_job_once_in_a_period(self, backend: Backend, clock: FrozenClock) -> None:
        """A job is due at once, and then again when its period has passed."""
        job = Job("count", 60, Steps().step)

        assert ["count"] == run_due(backend, [job])
        assert [] == run_due(backend, [job])
        clock.pass_seconds(60)
        assert ["count"] == run_due(backend, [job])

    def test_repeats_steps_until_nothing_is_left(self, backend: Backend) -> None:
        """Each step begins with the word of the one before."""
        steps = Steps(3)
        run_due(backend, [Job("count", 60, steps.step)])

        assert ["", "after 1", "after 2"] == steps.words

    def test_goes_on_next_time_when_the_time_is_up(self, backend: Backend) -> None:
        """A run is bounded; the rest is due at once, from where the last step stopped."""
        steps = Steps(3)
        asked = iter([True, True, False])
        run_due(backend, [Job("count", 60, steps.step)], may_continue=lambda: next(asked))
        assert [""] == steps.words
        run_due(backend, [Job("count", 60, steps.step)], run_seconds=0)
        assert [""] == steps.words

        run_due(backend, [Job("count", 60, steps.step)])

        assert ["", "after 1", "after 2"] == steps.words

    def test_runs_a_job_in_one_process_at_a_time(self, backend: Backend) -> None:
        """While one process works on a job, the others leave it alone."""
        begun, may_end = Event(), Event()

        def slow(_backend: Backend, _resume_after: str) -> Step:
            begun.set()
            assert may_end.wait(30)
            return Step(1, more=False)

        job = Job("slow", 0, slow)
        with ThreadPoolExecutor() as pool:
            first = pool.submit(run_due, backend, [job])
            assert begun.wait(30)
            others = [run_due(backend, [job]) for _ in range(3)]
            may_end.set()

            assert ["slow"] == first.result(30)
        assert [[], [], []] == others

    def test_is_done_by_one_of_many_that_tick_at_once(self, backend: Backend) -> None:
        """However many ask at the same moment, the first time too, one of them runs the job."""
        steps = Steps()
        with ThreadPoolExecutor(8) as pool:
            ran = list(pool.map(lambda _: run_due(backend, [Job("count", 60, steps.step)]), range(16)))

        assert 1 == ran.count(["count"])
        assert 1 == len(steps.words)

    def test_takes_over_from_a_process_that_died(self, backend: Backend, clock: FrozenClock) -> None:
        """A claim that its process never returns expires."""
        job = Job("count", 60, Steps().step)
        now = round(clock.now().timestamp() * 1000)
        with backend.db.connect() as connection:
            job_claims.add(connection, ["count"], now)
            assert job_claims.claim(connection, "count", "dead", now_millis=now, until_millis=now + CLAIM_SECONDS * 1000)
        assert [] == run_due(backend, [job])
        clock.pass_seconds(CLAIM_SECONDS)

        assert ["count"] == run_due(backend, [job])

    def test_runs_the_others_when_one_fails(self, backend: Backend, clock: FrozenClock, caplog: pytest.LogCaptureFixture) -> None:
        """A job's trouble is logged; it is tried again after its period, and holds up no other job."""

        def broken(_backend: Backend, _resume_after: str) -> Step:
            raise ZeroDivisionError

        steps = Steps()
        broken_job = Job("broken", 60, broken)
        caplog.set_level(logging.INFO, "stackhold.jobs")
        run_due(backend, [broken_job, Job("count", 60, steps.step)])

        assert 1 == len(steps.words)
        messages = [re.sub(r"[0-9]+\.[0-9] s", "x s", message) for message in caplog.messages]
        assert ["broken failed", "broken: 0 done in x s, ZeroDivisionError", "count: 1 done in x s"] == messages
        assert [] == run_due(backend, [broken_job])
        clock.pass_seconds(60)
        assert ["broken"] == run_due(backend, [broken_job])

    def test_is_silent_when_there_was_nothing_to_do(self, backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
        """The jobs of an idle installation leave no line in the log."""
        caplog.set_level(logging.INFO)

        assert {job.name for job in JOBS} == set(run_due(backend))
        assert [] == caplog.messages


class TestNextDue:
    def test_is_at_once_for_a_job_that_a_run_left_out(self, backend: Backend, clock: FrozenClock) -> None:
        """A run whose time is over begins no further job, and the next run must not be a day later."""
        jobs = [Job(name, 3600, Steps().step) for name in ("first", "second")]
        run_due(backend, jobs)
        clock.pass_seconds(3601)
        now_millis = unix_millis(clock.now())
        may_continue = iter([True, True, False])
        assert ["first"] == run_due(backend, jobs, may_continue=lambda: next(may_continue))

        due_at = next_due_at(backend, now_millis, jobs)
        assert due_at is not None
        assert due_at <= now_millis
        run_due(backend, jobs)
        assert next_due_at(backend, now_millis, jobs) is None

    def test_leaves_out_jobs_of_another_release(self, backend: Backend, clock: FrozenClock) -> None:
        """A row that no release runs any more would otherwise keep a database awake for ever."""
        run_due(backend, [Job("old", 60, broken)])

        assert next_due_at(backend, unix_millis(clock.now()), [Job("new", 60, Steps().step)]) is None


def broken(_backend: Backend, _resume_after: str) -> Step:
    """Fail, as a job that is removed for it."""
    raise RuntimeError("broken")
