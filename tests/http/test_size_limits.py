"""Replies that an entry point cannot carry become links or refusals, whatever the application does."""

from collections.abc import Callable

import pytest
from starlette.responses import Response, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from functions.http.size_limits import Bounded, Carrier, LinkedResponse, refusal

CARRIER = Carrier("the carrier", 100, len)
ELSEWHERE = "https://store.example.com/a?X-Signature=1%2F2"


def client(app: ASGIApp) -> TestClient:
    """Return a client of an application behind the carrier, which follows no redirect."""
    return TestClient(Bounded(app, CARRIER), follow_redirects=False)


def linked(size: int, link: Callable[[], str | None] = lambda: ELSEWHERE) -> ASGIApp:
    """Return an application whose only reply can be had elsewhere."""
    return LinkedResponse(b"x" * size, {}, "application/json", link)


class TestBounded:
    def test_passes_on_what_fits(self) -> None:
        """A reply up to the limit goes out as it is, and the way to its link is not asked."""

        def never() -> str:
            raise AssertionError

        reply = client(linked(100, never)).get("/")

        assert (200, b"x" * 100) == (reply.status_code, reply.content)

    def test_sends_a_reader_to_the_store(self) -> None:
        """A larger one is a redirect that is not kept by anyone, to the address letter for letter."""
        reply = client(linked(101)).get("/")

        assert (302, b"") == (reply.status_code, reply.content)
        assert (ELSEWHERE, "no-store") == (reply.headers["Location"], reply.headers["Cache-Control"])

    @pytest.mark.parametrize(
        ("method", "accepted", "link"),
        [("GET", "identity", ELSEWHERE), ("GET", "", ELSEWHERE), ("POST", "gzip", ELSEWHERE), ("GET", "gzip", None)],
        ids=["no gzip", "nothing asked", "no reading call", "no link"],
    )
    def test_refuses_where_a_redirect_would_not_do(self, method: str, accepted: str, link: str | None) -> None:
        """Anyone who cannot read gzip, or did not merely read, or reads what no store serves, is told size, limit and way out."""
        reply = client(linked(12345, lambda: link)).request(method, "/", headers={"Accept-Encoding": accepted})

        assert (413, 413) == (reply.status_code, reply.json()["code"])
        assert "the reply takes 12,345 bytes and the carrier carries 100" in reply.json()["message"]
        assert "stackhold serve" in reply.json()["message"]
        assert ("Accept-Encoding: gzip" in reply.json()["message"]) == (accepted != "gzip")

    def test_counts_all_parts_of_a_reply(self) -> None:
        """A reply in pieces is judged, and sent, as a whole."""
        fits = client(StreamingResponse(iter([b"x" * 50, b"y" * 50]))).get("/")
        too_large = client(StreamingResponse(iter([b"x" * 60, b"y" * 60]))).get("/")

        assert b"x" * 50 + b"y" * 50 == fits.content
        assert 413 == too_large.status_code

    def test_leaves_other_replies_alone(self) -> None:
        """Headers and status of an ordinary reply stay."""
        reply = client(Response(b"no", 418, {"X-Tea": "pot"})).get("/")

        assert (418, "pot", b"no") == (reply.status_code, reply.headers["X-Tea"], reply.content)


class TestRefusal:
    def test_is_in_the_wires_form(self) -> None:
        """A request that is too large is a 413 with what may be sent and what to do."""
        reply = TestClient(refusal(CARRIER, "five letters")).post("/")

        assert (413, 413) == (reply.status_code, reply.json()["code"])
        assert "larger than five letters, the most that the carrier takes" in reply.json()["message"]
