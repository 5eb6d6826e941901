"""Checks of services run side by side, and a service that hangs holds up none of the others."""

import socket
from dataclasses import replace
from threading import Event

from common.backend import Backend
from common.config.mail_server import open_mailer
from common.installation import doctor
from common.installation.model import Check, Outcome
from common.installation.service_checks import check_services
from common.rights.caller import Caller
from tests.factories.settings import with_settings


def test_a_check_that_hangs_has_failed() -> None:
    """The others have their results, in the order of the checks; an error is one check's alone."""
    is_over = Event()

    def hang() -> Check:
        is_over.wait(60)
        return Check("slow", Outcome.OK, ())

    def end() -> Check:
        raise ValueError("a secret")

    quick = Check("quick", Outcome.OK, ())
    results = check_services([("slow", hang), ("quick", lambda: quick), ("broken", end)], 0.2)
    is_over.set()

    assert [
        Check("slow", Outcome.FAILED, ("No answer within 0.2 seconds.",)),
        quick,
        Check("broken", Outcome.FAILED, ("The check ended with an error: ValueError.",)),
    ] == results


def test_the_doctor_does_not_wait_for_a_mail_server_that_is_silent(backend: Backend, admin: Caller) -> None:
    """It accepts the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        backend = with_settings(backend, SMTP_SERVER=f"127.0.0.1:{silent.getsockname()[1]}", SMTP_GENERIC_SENDER="a@example.com")
        backend = replace(backend, mailer=open_mailer(backend.settings))
        checks = doctor.examine(backend, admin, with_services=True, patience_seconds=0.5)

    (mail,) = [check for check in checks if check.name == "Mail"]
    assert ("No answer within 0.5 seconds.",) == mail.lines
