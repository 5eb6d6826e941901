"""Asking a reCAPTCHA, which a stand-in on this machine answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import permutations
from threading import Thread
from urllib.parse import parse_qs

import pytest

from common.backend import Backend
from common.config.setting_groups import require_groups
from common.config.settings import Settings
from common.core.errors import BadRequest, StartUpError, Unavailable
from common.ports.outbound import Outbound
from common.rights.caller import Caller
from common.sign_in import captcha
from common.sign_in.accounts.service import password_reset, sign_up
from tests.factories.sign_in import again, new_account, opened
from tests.pages.visiting import Visit, shown


class Service:
    """What the stand-in was asked, and how it answers."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.status, self.body = 200, b'{"success": true, "hostname": "x"}'


@contextmanager
def answering() -> Iterator[tuple[Service, str]]:
    """Run the stand-in, and yield it with its address."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            service.asked.append(parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()))
            self.send_response(service.status)
            self.send_header("content-length", str(len(service.body)))
            self.end_headers()
            self.wfile.write(service.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield service, f"http://127.0.0.1:{server.server_address[1]}/recaptcha/api"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def place(backend: Backend) -> Iterator[tuple[Backend, Service]]:
    """A server with a reCAPTCHA, and the service."""
    with answering() as (service, address):
        server, _ = opened(
            backend,
            RECAPTCHA_SECRET_KEY="the-secret-key",
            RECAPTCHA_SITE_KEY="the-site-key",
            STACKHOLD_RECAPTCHA_ENDPOINT=address,
            STACKHOLD_OUTBOUND_ALLOW="127.0.0.1",
        )
        outbound = Outbound("127.0.0.1")
        yield replace(server, outbound=outbound), service
        outbound.close()


class TestRequireHuman:
    def test_asks_the_service(self, place: tuple[Backend, Service]) -> None:
        """The answer of the form goes there with the secret and the client's address."""
        server, service = place
        password_reset.request_reset(server, "alice@example.com", captcha_answer="the-answer", client="203.0.113.9")

        assert [{"secret": ["the-secret-key"], "response": ["the-answer"], "remoteip": ["203.0.113.9"]}] == service.asked

    def test_leaves_sign_up_alone(self, place: tuple[Backend, Service]) -> None:
        """The original checks resets alone, and its console's sign-up sends no answer: nothing is asked then."""
        server, service = place
        sign_up.sign_up(server, new_account())

        assert "alice" == again(server, "alice").login
        assert [] == service.asked

    def test_is_refused_at_the_start_by_half(self) -> None:
        """A secret without a site key shows no box to tick, and a site key without a secret checks nothing."""
        for one, other in permutations(("RECAPTCHA_SECRET_KEY", "RECAPTCHA_SITE_KEY")):
            with pytest.raises(StartUpError, match=f"{one} must be set with {other}"):
                require_groups(Settings({other: "the-other-key"}))
        require_groups(Settings({"RECAPTCHA_SECRET_KEY": "the-secret-key", "RECAPTCHA_SITE_KEY": "the-site-key"}))

    @pytest.mark.parametrize("answer", ["", "x" * 9000])
    def test_wants_an_answer(self, place: tuple[Backend, Service], answer: str) -> None:
        """A form without an answer is refused without a call."""
        server, service = place

        with pytest.raises(BadRequest):
            password_reset.request_reset(server, "alice@example.com", captcha_answer=answer)
        assert [] == service.asked

    def test_believes_a_refusal(self, place: tuple[Backend, Service]) -> None:
        """What the service does not take is refused."""
        server, service = place
        service.body = b'{"success": false, "error-codes": ["timeout-or-duplicate"]}'

        with pytest.raises(BadRequest):
            captcha.require_human(server, "the-answer", "")
        assert "remoteip" not in service.asked[0]

    @pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (200, b"<html>"), (200, b"{}"), (302, b"")])
    def test_lets_nobody_in_when_the_service_fails(self, place: tuple[Backend, Service], status: int, body: bytes) -> None:
        """A service that does not answer as it should lets no form through, and its secret is not shown."""
        server, service = place
        service.status, service.body = status, body

        with pytest.raises(Unavailable) as failed:
            captcha.require_human(server, "the-answer", "")
        assert "the-secret-key" not in failed.value.message

    def test_is_not_asked_where_it_is_not_set_up(self, backend: Backend) -> None:
        """Without a secret nothing is checked."""
        captcha.require_human(backend, "", "")


class TestPages:
    def test_show_it(self, place: tuple[Backend, Service], admin: Caller) -> None:
        """The page that is checked loads the service's script, and no other page does."""
        server, _ = place
        visit = Visit(server)
        page = visit.get("/reset")
        policy = page.headers["content-security-policy"]

        assert admin.site_admin
        assert 'data-sitekey="the-site-key"' in page.text
        assert "/recaptcha/api.js" in page.text
        assert "script-src 'self' http://127.0.0.1:" in policy
        assert "unsafe" not in policy
        for other in ("/signin", "/signup"):
            assert "script-src 'self';" in visit.get(other).headers["content-security-policy"]
            assert "data-sitekey" not in visit.get(other).text

    def test_send_the_answer(self, place: tuple[Backend, Service], admin: Caller) -> None:
        """What the script adds to the form is what the service is asked about."""
        server, service = place
        visit = Visit(server)
        form = {"email": "alice@example.com", "g-recaptcha-response": "the-answer"}
        told = visit.send("/reset", form, on="/reset")
        refused = visit.send("/reset", {"email": "alice@example.com"}, on="/reset")

        assert admin.site_admin
        assert (200, ["the-answer"]) == (told.status_code, service.asked[0]["response"])
        assert (400, True) == (refused.status_code, "you are not a robot" in shown(refused))
