"""What goes wrong is told as a page, with the status that the API would have answered."""

import logging

import pytest

from common.backend import Backend
from common.core.errors import Unavailable
from tests.counting import Counter
from tests.interleaving import failing, interleaved
from tests.pages.visiting import Visit, shown


class TestFailures:
    @pytest.mark.parametrize("path", ["/settings/tokens/x/y", "/welcome/x", "/assets/a/b"])
    def test_unknown_page(self, visit: Visit, path: str) -> None:
        """An unknown address under the pages is answered with a Not Found page."""
        response = visit.get(path)

        assert 404 == response.status_code
        assert "text/html; charset=utf-8" == response.headers["content-type"]
        assert "This page does not exist." in shown(response)

    @pytest.mark.parametrize(
        ("method", "path"), [("PUT", "/signin"), ("DELETE", "/settings/tokens"), ("GET", "/signin/token"), ("POST", "/")]
    )
    def test_other_methods(self, visit: Visit, method: str, path: str) -> None:
        """A method that a page does not take is told so."""
        response = visit.client.request(method, path)

        assert 405 == response.status_code
        assert "This page does not accept this request." in shown(response)

    def test_asks_nobody_who_looks(self, member: Visit, counter: Counter) -> None:
        """A page of a failure needs no database: that may be what failed."""
        counter.reset()
        response = member.get("/welcome/x")

        assert 404 == response.status_code
        assert 0 == counter.statements

    def test_database_that_does_not_answer(self, backend: Backend, member: Visit, caplog: pytest.LogCaptureFixture) -> None:
        """Without a database the page says so, with what to look for in the log, which has the reason."""
        caplog.set_level(logging.ERROR)
        with interleaved(backend, "SELECT", failing(Unavailable("the database does not answer"))):
            response = member.get("/settings")

        assert 503 == response.status_code
        assert "text/html; charset=utf-8" == response.headers["content-type"]
        assert "The database does not answer." in shown(response)
        assert "For details, search the server's log for" in shown(response)
        assert "the database does not answer" in caplog.text

    def test_what_nobody_expected(self, backend: Backend, member: Visit) -> None:
        """A fault of the program is a page without detail, under the request's id."""
        with interleaved(backend, "SELECT", failing(ZeroDivisionError("secret detail"))):
            response = member.get("/settings")

        assert 500 == response.status_code
        assert "Something went wrong inside the server." in shown(response)
        assert "secret detail" not in response.text
