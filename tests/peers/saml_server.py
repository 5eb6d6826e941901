"""The SAML identity provider of tests as a server on loopback, which signs every browser in as one configured person."""

import html
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.peers import saml_idp
from tests.peers.saml_idp import Answer, Pair, Request


class SamlServer:
    """Serves while its `with` block lasts, at a name of its own: to browsers, `localhost` and `127.0.0.1` are two sites."""

    def __init__(self, pair: Pair) -> None:
        self.pair, self.subject = pair, "alice@example.com"
        self.asked: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def metadata(self) -> str:
        """What the organization is given."""
        return saml_idp.metadata(self.pair, sso=f"{self.url}/sso", entity=f"{self.url}/metadata")

    def page(self, path: str) -> bytes:
        """Return the page that sends a browser back with an answer, by a form that sends itself, as providers do."""
        asked = saml_idp.read(path)
        self.asked.append(asked)
        answer = Answer(
            acs=asked.acs,
            audience=asked.issuer,
            in_response_to=asked.id,
            subject=self.subject,
            issuer=f"{self.url}/metadata",
        )
        fields = {"SAMLResponse": saml_idp.encode(saml_idp.respond(self.pair, answer)), "RelayState": asked.state}
        inputs = "".join(f'<input type="hidden" name="{name}" value="{html.escape(text)}">' for name, text in fields.items())
        form = f'<form method="post" action="{html.escape(asked.acs)}">{inputs}</form>'
        return f"<!doctype html><title>Provider</title>{form}<script>document.forms[0].submit()</script>".encode()


def _handler(provider: SamlServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answers a request for a sign-in."""
            is_asked = self.path.startswith("/sso?")
            body = provider.page(self.path) if is_asked else b""
            self.send_response(200 if is_asked else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler
