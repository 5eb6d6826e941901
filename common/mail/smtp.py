"""Sends mail through an SMTP server: STARTTLS, TLS from the start, or none to a server on the allow-list of plain ones."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from common.mail import Mail, NotSent

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
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._server.sender, mail.to, mail.subject
        message["Date"], message["Message-ID"] = formatdate(usegmt=True), make_msgid(domain="stackhold.invalid")
        message.set_content(mail.body)
        try:
            with self._opened() as connection:
                connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise NotSent("the server refuses the recipient", is_final=all(code >= _FINAL_FROM for code in codes)) from error
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"the server answers {error.smtp_code}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(f"{self._server.host} cannot be used: {type(error).__name__}") from error

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
