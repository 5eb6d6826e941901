"""Mail through real SMTP servers on this machine: STARTTLS, TLS from the start, passwords, refusals, bad certificates."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from common.config.mail_server import open_mailer
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.mail import Mail, NotSent
from common.ports.mail.smtp import Server, SMTPDriver
from tests.e2e.server import free_port
from tests.hosts.certificate import Certificate

MAIL = Mail("bob@example.com", "Grüße von acme", "Open\n\nhttps://api.example.com/x?token=1\n\n.\nThe end.\n")
SENDER = "Stackhold <noreply@example.com>"


class Handler:
    """Keeps what comes; refuses one recipient for good, and another for now."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(  # noqa: N802 - the library's name
        self,
        _server: SMTP,
        _session: Any,
        envelope: Any,
        address: str,
        _options: list[str],
    ) -> str:
        if address.startswith("never"):
            return "550 no such mailbox"
        if address.startswith("later"):
            return "450 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        self.messages.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


def _authenticated(_server: SMTP, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
    is_good = isinstance(login, LoginPassword) and (login.login, login.password) == (b"mailer", b"hush hush")
    return AuthResult(success=is_good, handled=is_good)


@contextmanager
def serving(tls: str, certificate: Certificate, **options: Any) -> Iterator[tuple[Handler, Server]]:
    """Run a server, and yield what it got and how to reach it."""
    handler, port = Handler(), free_port()
    context = certificate.server_context()
    if tls == "implicit":
        # The library does not see that TLS is there already.
        controller = Controller(handler, "127.0.0.1", port, ssl_context=context, auth_require_tls=False, **options)
    elif tls == "starttls":
        controller = Controller(handler, "127.0.0.1", port, tls_context=context, require_starttls=True, **options)
    else:
        controller = Controller(handler, "127.0.0.1", port, **options)
    controller.start()
    try:
        yield handler, Server("127.0.0.1", port, tls, SENDER)
    finally:
        controller.stop()


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """A certificate that this machine trusts."""
    made = Certificate(tmp_path / "tls")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    return made


def with_login(server: Server, password: str = "hush hush") -> Server:
    """Return a server with a user and a password."""
    return Server(server.host, server.port, server.tls, server.sender, "mailer", password)


class TestSend:
    @pytest.mark.parametrize("tls", ["starttls", "implicit", "none"])
    def test_arrives(self, certificate: Certificate, tls: str) -> None:
        """A mail arrives as it was written, in each of the three ways."""
        with serving(tls, certificate) as (handler, server):
            SMTPDriver(server).send(MAIL)
        [(sender, recipients, content)] = handler.messages
        message = message_from_bytes(content)

        assert ("noreply@example.com", ["bob@example.com"]) == (sender, recipients)
        assert MAIL.subject == str(make_header(decode_header(message["Subject"])))
        assert (SENDER, "bob@example.com", "auto-generated") == (message["From"], message["To"], message["Auto-Submitted"])
        assert message["Message-ID"].endswith("@example.com>")
        body = message.get_payload(decode=True)
        assert isinstance(body, bytes)
        assert MAIL.body == body.decode().replace("\r\n", "\n")

    @pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
    @pytest.mark.parametrize("tls", ["starttls", "implicit"])
    def test_signs_in(self, certificate: Certificate, tls: str) -> None:
        """A server that wants a user and a password gets them, over TLS; wrong ones are told without being shown."""
        with serving(tls, certificate, auth_required=True, authenticator=_authenticated) as (handler, server):
            SMTPDriver(with_login(server)).send(MAIL)
            with pytest.raises(NotSent) as refused:
                SMTPDriver(with_login(server, "wrong words")).send(MAIL)

        assert 1 == len(handler.messages)
        assert (False, "127.0.0.1 answers 535") == (refused.value.is_final, str(refused.value))

    def test_does_not_go_on_without_tls(self, certificate: Certificate) -> None:
        """Where STARTTLS is wanted and not offered, neither password nor mail is sent."""
        with serving("none", certificate) as (handler, server):
            plain = Server(server.host, server.port, "starttls", SENDER, "mailer", "hush hush")
            with pytest.raises(NotSent, match="does not support STARTTLS"):
                SMTPDriver(plain).send(MAIL)

        assert [] == handler.messages

    @pytest.mark.parametrize("tls", ["starttls", "implicit"])
    def test_refuses_a_foreign_certificate(
        self,
        tmp_path: Path,
        certificate: Certificate,
        monkeypatch: pytest.MonkeyPatch,
        tls: str,
    ) -> None:
        """A server whose certificate this machine does not trust, or that is for another name, gets nothing."""
        with serving(tls, certificate) as (handler, server):
            other_name = Server("localhost", server.port, tls, SENDER)
            with pytest.raises(NotSent, match="certificate"):
                SMTPDriver(other_name).send(MAIL)
            monkeypatch.setenv("SSL_CERT_FILE", str(Certificate(tmp_path / "other").certificate))
            with pytest.raises(NotSent, match="certificate"):
                SMTPDriver(server).send(MAIL)

        assert [] == handler.messages

    @pytest.mark.parametrize(("to", "is_final"), [("never@example.com", True), ("later@example.com", False)])
    def test_tells_refusals_apart(self, certificate: Certificate, to: str, is_final: bool) -> None:
        """A recipient that is refused for good is told from one that is refused for now."""
        with serving("starttls", certificate) as (_, server), pytest.raises(NotSent) as refused:
            SMTPDriver(server).send(Mail(to, "x", "y"))

        assert is_final is refused.value.is_final

    @pytest.mark.parametrize(
        "mail", [Mail("bob@example.com\nBcc: eve@example.com", "x", "y"), Mail("bob@example.com", "x\ny", "z")]
    )
    def test_takes_no_line_in_a_header(self, certificate: Certificate, mail: Mail) -> None:
        """A line break in a header sends nothing, for good."""
        with serving("starttls", certificate) as (handler, server), pytest.raises(NotSent) as refused:
            SMTPDriver(server).send(mail)

        assert (True, []) == (refused.value.is_final, handler.messages)

    def test_tells_who_does_not_answer(self, certificate: Certificate) -> None:
        """A server that is not there is named, and tried again."""
        with serving("none", certificate) as (_, server):
            pass
        with pytest.raises(NotSent, match=r"127.0.0.1 cannot be used: connection refused") as refused:
            SMTPDriver(server).send(MAIL)
        assert not refused.value.is_final

    def test_shows_no_secret(self) -> None:
        """Neither the password nor a mail's text is in what is printed."""
        shown = repr((Server("mail.example.com", 587, "starttls", SENDER, "mailer", "hush hush"), MAIL))

        assert "hush" not in shown
        assert "token" not in shown


class TestOpenMailer:
    @pytest.mark.parametrize(
        ("settings", "port", "tls"),
        [
            ({"SMTP_SERVER": "mail.example.com"}, 587, "starttls"),
            ({"SMTP_SERVER": "mail.example.com:25"}, 25, "starttls"),
            ({"SMTP_SERVER": "mail.example.com:465"}, 465, "implicit"),
            ({"SMTP_SERVER": "mail.example.com:465", "STACKHOLD_SMTP_TLS": "starttls"}, 465, "starttls"),
            ({"SMTP_SERVER": "relay:25", "STACKHOLD_SMTP_TLS": "none"}, 25, "none"),
            ({"SMTP_SERVER": "127.0.0.1:25", "STACKHOLD_SMTP_TLS": "none", "SMTP_USERNAME": "m"}, 25, "none"),
        ],
    )
    def test_reads_the_settings(self, settings: dict[str, str], port: int, tls: str) -> None:
        """The port says which kind of TLS, unless a setting does."""
        mailer = open_mailer(Settings({"SMTP_GENERIC_SENDER": "noreply@example.com", **settings}))

        assert mailer.is_real
        assert isinstance(mailer._driver, SMTPDriver)
        assert (port, tls) == (mailer._driver._server.port, mailer._driver._server.tls)

    def test_writes_to_the_log_without_a_server(self) -> None:
        """Without a mail server there is a mailer that sends nothing."""
        assert not open_mailer(Settings({})).is_real

    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"SMTP_SERVER": "mail.example.com"}, "SMTP_GENERIC_SENDER"),
            ({"SMTP_SERVER": "mail.example.com", "SMTP_GENERIC_SENDER": "nobody"}, "SMTP_GENERIC_SENDER"),
            ({"SMTP_SERVER": "mail.example.com", "SMTP_GENERIC_SENDER": "a@x\nBcc: b@x"}, "SMTP_GENERIC_SENDER"),
            ({"SMTP_SERVER": "mail:port", "SMTP_GENERIC_SENDER": "a@example.com"}, "SMTP_SERVER"),
            ({"SMTP_SERVER": "mail", "SMTP_GENERIC_SENDER": "a@example.com", "STACKHOLD_SMTP_TLS": "ssl"}, "STACKHOLD_SMTP_TLS"),
            (
                {
                    "SMTP_SERVER": "mail",
                    "SMTP_GENERIC_SENDER": "a@example.com",
                    "STACKHOLD_SMTP_TLS": "none",
                    "SMTP_USERNAME": "m",
                    "SMTP_PASSWORD": "p",
                },
                "STACKHOLD_SMTP_TLS",
            ),
            ({"SMTP_SERVER": "mail", "SMTP_GENERIC_SENDER": "a@example.com", "SMTP_PASSWORD": "p"}, "SMTP_USERNAME"),
        ],
    )
    def test_names_the_setting_that_is_wrong(self, settings: dict[str, str], named: str) -> None:
        """A setting that cannot be stops the start, with its name."""
        with pytest.raises(StartUpError, match=named):
            open_mailer(Settings(settings))
