"""The port for outgoing mail: what a mail is, and how it leaves. Drivers: smtp.py, log.py (without a mail server)."""

from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Driver", "Mail", "Mailer", "NotSent"]


class NotSent(Exception):
    """A mail was not taken. `is_final`: a repeat would be refused as well. The text never has the mail's content."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        """Say why, for the administrator."""
        super().__init__(reason)
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of plain text, with a link in it at the most; the body is not shown in a repr, since the link may be a secret."""

    to: str
    subject: str
    body: str = field(repr=False)


class Driver(Protocol):
    """One way to send."""

    def send(self, mail: Mail) -> None:
        """Send a mail; raises NotSent."""
        ...

    def check(self) -> None:
        """Connect and sign in, and send nothing; raises NotSent."""
        ...


class Mailer:
    """Sends mails through the configured driver. `is_real` is False where links are only written to the log."""

    def __init__(self, driver: Driver, *, is_real: bool) -> None:
        """Send through a driver."""
        self._driver = driver
        self.is_real = is_real

    def send(self, mail: Mail) -> None:
        """Send a mail; raises NotSent."""
        self._driver.send(mail)

    def check(self) -> None:
        """Connect to the mail server and sign in, and send nothing; raises NotSent."""
        self._driver.check()
