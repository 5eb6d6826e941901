"""Calls that one thread makes for all."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.core.once import Once

THREADS = 16


class TestOnce:
    @pytest.mark.parametrize("fails", [False, True])
    def test_makes_one_call_for_all_who_ask_meanwhile(self, fails: bool) -> None:
        """Its result, or its error, is everyone's; anyone who asks later makes a new one."""
        once, calls, waiting, go_on = Once(), list[int](), threading.Semaphore(0), threading.Event()

        def work() -> int:
            calls.append(1)
            go_on.wait(10)
            if fails:
                raise ValueError
            return 7

        def ask(_: int) -> int:
            waiting.release()
            try:
                return once.call("key", work)
            except ValueError:
                return -1

        with ThreadPoolExecutor(THREADS) as pool:
            asked = [pool.submit(ask, number) for number in range(THREADS)]
            for _ in range(THREADS):
                waiting.acquire(timeout=10)
            threading.Timer(0.2, go_on.set).start()
            results = [one.result() for one in asked]

        assert [-1 if fails else 7] * THREADS == results
        assert 1 == len(calls)
        assert (7 if not fails else -1) == ask(0)
        assert 2 == len(calls)

    def test_lets_nobody_wait_longer_than_they_want(self) -> None:
        """A thread with little time gives up; the call goes on."""
        once, started, go_on = Once(), threading.Event(), threading.Event()

        def work() -> int:
            started.set()
            go_on.wait(10)
            return 7

        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(once.call, "key", work)
            assert started.wait(10)
            with pytest.raises(TimeoutError):
                once.call("key", work, wait_seconds=0.05)
            go_on.set()
            assert 7 == first.result()
