"""An issuer of identity tokens on loopback, as pipelines and clusters have one: discovery, keys, minting, rotation, and faults.

Tests turn its knobs while it runs. It signs with a library, or puts a token together by hand where no library would.
"""

import hashlib
import hmac
import json
import ssl
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from joserfc import jwt
from joserfc.jwk import RSAKey

LIFE_SECONDS = 300
DISCOVERY = "/.well-known/openid-configuration"


@cache
def key(number: int) -> RSAKey:
    """Return a key pair; making one takes a while, so tests share them."""
    return RSAKey.generate_key(2_048, {"kid": f"k{number}", "use": "sig"})


def published(number: int) -> dict[str, Any]:
    """Return the public half of a key pair as issuers publish it."""
    return {**key(number).as_dict(private=False), "alg": "RS256"}


def part(value: object) -> str:
    """Return a value as a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Faults:
    """What the issuer does wrong; nothing at first. Paths are those of the discovery document and of `/jwks`."""

    status: int = 200
    delay_seconds: float = 0
    padding_bytes: int = 0
    location: str = ""
    keys_address: str = ""
    claimed_issuer: str = ""
    keys: list[dict[str, Any]] | None = None
    text: bytes | None = None


class WorkloadIssuer:
    """The server; leaving the `with` block ends it. `fetches` says how often its keys were asked for."""

    def __init__(self, now: Callable[[], float] = time.time, *, certificate: Path | None = None, host: str = "127.0.0.1") -> None:
        """`now` is what minted tokens take for the time; with a certificate (and its key, in one file) it speaks TLS."""
        self._now, self.number, self.fetches, self.faults = now, 1, 0, Faults()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def rotate(self) -> None:
        """Make another key the only published one."""
        self.number += 1

    def claims(self, **claims: Any) -> dict[str, Any]:
        """Return claims with those that every token has; None takes one away."""
        now = int(self._now())
        usual = {"iss": self.url, "iat": now, "exp": now + LIFE_SECONDS, "aud": "urn:pulumi:org:acme", "sub": "ci"}
        return {name: value for name, value in (usual | claims).items() if value is not None}

    def mint(self, *, header: dict[str, Any] | None = None, by: int | None = None, **claims: Any) -> str:
        """Return a token, signed with the present key unless `by` names another one's number."""
        signing = key(by or self.number)
        full = {"alg": "RS256", "kid": f"k{self.number}", **(header or {})}
        headers = {name: value for name, value in full.items() if value is not None}
        return jwt.encode(headers, self.claims(**claims), signing, algorithms=["RS256", "RS384", "PS256"])

    def unsigned(self, **claims: Any) -> str:
        """Return a token that says it needs no signature."""
        return f"{part({'alg': 'none', 'kid': f'k{self.number}'})}.{part(self.claims(**claims))}."

    def confused(self, **claims: Any) -> str:
        """Return a token that is signed with the public key as if it were a shared secret."""
        signed = f"{part({'alg': 'HS256', 'kid': f'k{self.number}'})}.{part(self.claims(**claims))}"
        secret = key(self.number).as_pem(private=False)
        return f"{signed}.{part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

    def documents(self) -> dict[str, Any]:
        """Return what is served, by path."""
        faults = self.faults
        keys = faults.keys if faults.keys is not None else [published(self.number)]
        return {
            DISCOVERY: {
                "issuer": faults.claimed_issuer or self.url,
                "jwks_uri": faults.keys_address or f"{self.url}/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/jwks": {"keys": keys, "padding": "x" * faults.padding_bytes},
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/jwks":
                    issuer.fetches += 1
                    time.sleep(issuer.faults.delay_seconds)
                faults = issuer.faults
                body = faults.text if faults.text is not None else json.dumps(issuer.documents().get(self.path, {})).encode()
                self.send_response(302 if faults.location else faults.status)
                if faults.location:
                    self.send_header("Location", faults.location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Says nothing."""

        return Handler


@dataclass
class Pipeline:
    """What a job knows: its issuer, and the organization that it wants a token of."""

    issuer: WorkloadIssuer
    org: str = "acme"
    extra: dict[str, str] = field(default_factory=dict)

    def form(self, token: str, **fields: str) -> dict[str, str]:
        """Return the form that exchanges an identity token; an empty text takes a field away."""
        usual = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": f"urn:pulumi:org:{self.org}",
            "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "requested_token_type": "urn:pulumi:token-type:access_token:organization",
        }
        return {name: value for name, value in (usual | self.extra | fields).items() if value}
