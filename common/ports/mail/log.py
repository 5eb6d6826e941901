"""Where no mail server is configured, links are written to the server's log, as its operator is the one who can read it."""

import logging

from common.ports.mail import Mail

LOG = logging.getLogger("stackhold.mail")


class LogDriver:
    """Writes mails to the log at the level of start-up lines."""

    def send(self, mail: Mail) -> None:
        """Write a mail to the log."""
        LOG.warning("no mail server is configured (SMTP_SERVER); to %s: %s\n%s", mail.to, mail.subject, mail.body)

    def check(self) -> None:
        """Do nothing: a log takes everything."""
