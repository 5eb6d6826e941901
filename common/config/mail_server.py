"""Opens the mailer that the settings name; nothing is asked of the mail server."""

from email.utils import parseaddr

from common.config.database import host_and_port
from common.config.public_urls import is_loopback
from common.config.settings import Settings
from common.core.errors import StartUpError
from common.ports.mail import Mailer
from common.ports.mail.log import LogDriver

IMPLICIT_PORT, SUBMISSION_PORT = 465, 587
_WAYS = ("starttls", "implicit", "none")


def open_mailer(settings: Settings) -> Mailer:
    """Return the mailer of these settings; raises StartUpError with the setting that is wrong."""
    if not settings.is_set(Settings.smtp_server):
        return Mailer(LogDriver(), is_real=False)
    from common.ports.mail.smtp import Server, SMTPDriver  # noqa: PLC0415 - only what is configured is loaded

    host, port = host_and_port(settings, Settings.smtp_server, SUBMISSION_PORT)
    way = settings.smtp_tls or ("implicit" if port == IMPLICIT_PORT else "starttls")
    if way not in _WAYS:
        raise StartUpError(f"STACKHOLD_SMTP_TLS must be one of {', '.join(_WAYS)}")
    username, password = settings.smtp_username, settings.smtp_password
    if way == "none" and username and not is_loopback(host):
        raise StartUpError("STACKHOLD_SMTP_TLS=none would send SMTP_PASSWORD in clear text; use starttls or implicit")
    if password and not username:
        raise StartUpError("SMTP_USERNAME must be set with SMTP_PASSWORD")
    return Mailer(SMTPDriver(Server(host, port, way, _sender(settings), username, password)), is_real=True)


def _sender(settings: Settings) -> str:
    sender = settings.smtp_generic_sender.strip()
    if not sender:
        raise StartUpError("SMTP_GENERIC_SENDER must be set with SMTP_SERVER: it is the sender of all mails")
    local, _, domain = parseaddr(sender)[1].rpartition("@")
    if not local or not domain or not sender.isprintable():
        raise StartUpError("SMTP_GENERIC_SENDER must be an address, alone or as `Name <address>`")
    return sender
