"""Sends mail through an SMTP server: with STARTTLS, with TLS from the start, or without TLS if the operator says so."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr

from common.ports.mail import Mail, NotSent

TIMEOUT_SECONDS = 20
_FINAL_FROM = 500


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server; `tls` is `starttls`, `implicit` or `none`."""

    host: str
    port: int
    tls: str
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)


class SMTPDriver:
    """Opens a connection for every mail: they are few, and a function may sleep between two."""

    def __init__(self, server: Server) -> None:
        """Take the server; nothing is opened."""
        self._server = server

    def send(self, mail: Mail) -> None:
        """Send a mail; raises NotSent, final when the server says that it will never take it."""
        try:
            with self._opened() as connection:
                connection.send_message(self._message(mail))
        except smtplib.SMTPRecipientsRefused as error:
            is_final = all(code >= _FINAL_FROM for code, _ in error.recipients.values())
            raise NotSent(f"{self._server.host} refuses the recipient", is_final=is_final) from error
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"{self._server.host} answers {error.smtp_code}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"{self._server.host} cannot be used: {_reason(error)}") from error
        except ValueError as error:
            raise NotSent(
                f"the mail, or the user or password for {self._server.host}, has characters that cannot be sent", is_final=True
            ) from error

    def check(self) -> None:
        """Connect and sign in, and send nothing; raises NotSent."""
        try:
            with self._opened() as connection:
                connection.noop()
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"{self._server.host} answers {error.smtp_code}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"{self._server.host} cannot be used: {_reason(error)}") from error

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._server.sender, mail.to, mail.subject
        domain = parseaddr(self._server.sender)[1].rpartition("@")[2]
        message["Date"], message["Message-ID"] = formatdate(usegmt=True), make_msgid(domain=domain)
        # Answers of machines, such as notes of absence, are not wanted (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.body)
        return message

    def _opened(self) -> smtplib.SMTP:
        server = self._server
        if server.tls == "implicit":
            context = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
        try:
            if server.tls == "starttls":
                connection.starttls(context=ssl.create_default_context())
            if server.username:
                connection.login(server.username, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _reason(error: Exception) -> str:
    """Return what went wrong, in words without what was sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it does not support STARTTLS, or does not support sign-in with a password"
    return {"TimeoutError": "no answer in time", "ConnectionRefusedError": "connection refused"}.get(
        type(error).__name__,
        type(error).__name__,
    )
