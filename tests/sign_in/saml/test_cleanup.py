"""What signing in leaves is dropped when its time is over, and two at once get in each other's way nowhere."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from common.backend import Backend
from common.db.tables.sign_in import identities, saml_answers, saml_assertions
from common.sign_in.saml import cleanup
from tests.clocks import FrozenClock
from tests.peers import saml_idp
from tests.peers.saml_idp import Pair
from tests.sign_in.saml.browser import Browser, good


def count(backend: Backend) -> tuple[int, int]:
    """Return how many assertions and answers there are."""
    with backend.db.connect() as connection:
        found = [connection.scalar(select(func.count()).select_from(one)) or 0 for one in (saml_assertions, saml_answers)]
        return found[0], found[1]


class TestForgetExpired:
    def test_drops_what_is_over(self, backend: Backend, clock: FrozenClock, browser: Browser) -> None:
        """Answers go after minutes; assertions are kept for as long as a provider's clock may take them for good."""
        browser.answer(good())
        browser.answer(good())
        before = cleanup.delete_expired(backend), count(backend)
        clock.pass_seconds(301)
        between = cleanup.delete_expired(backend), count(backend)
        clock.pass_seconds(365 * 86_400)
        after = cleanup.delete_expired(backend), count(backend)

        assert ((0, (2, 2)), (2, (2, 0)), (2, (0, 0))) == (before, between, after)


class TestTwoAtOnce:
    def test_take_one_answer(self, backend: Backend, browser: Browser, new_browser: Callable[[], Browser], pair: Pair) -> None:
        """An answer that is brought twice at the same moment is taken once."""
        text, browsers = saml_idp.respond(pair, good()), [browser, *(new_browser() for _ in range(3))]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda one: one.post(text).status_code, browsers))

        assert [303, 401, 401, 401] == sorted(found)
        assert (1, 1) == count(backend)

    def test_become_one_user(self, backend: Backend, new_browser: Callable[[], Browser]) -> None:
        """A new user who comes in four browsers at the same moment becomes one user."""
        browsers = [new_browser() for _ in range(4)]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda one: one.sign_in(subject="nora@example.com").status_code, browsers))

        assert [303] * 4 == found
        with backend.db.connect() as connection:
            assert 1 == connection.scalar(select(func.count()).select_from(identities))
