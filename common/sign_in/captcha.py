"""Checks with reCAPTCHA that a person fills a form in, if it is configured."""

import msgspec

from common.backend import Backend
from common.config.settings import Settings
from common.core.errors import BadRequest, Unavailable
from common.ports.outbound import CallFailed

_ANSWER_LIMIT = 8_192
_OK = 200


class _Verdict(msgspec.Struct):
    """The member of the service's answer that is used."""

    success: bool


def is_configured(settings: Settings) -> bool:
    """Return whether forms that need no sign-in are checked."""
    return settings.is_set(Settings.recaptcha_secret_key)


def require_human(backend: Backend, answer: str, client: str) -> None:
    """Raise BadRequest unless the service accepts the answer in the form, Unavailable if it cannot be reached."""
    # No permission check: this runs before the caller is known.
    settings = backend.settings
    if not is_configured(settings):
        return
    if not answer or len(answer) > _ANSWER_LIMIT:
        raise BadRequest("tick the box that says you are not a robot, and send the form again")
    form = {"secret": settings.recaptcha_secret_key, "response": answer, **({"remoteip": client} if client else {})}
    if not _verdict(backend, f"{settings.recaptcha_endpoint.rstrip('/')}/siteverify", form).success:
        raise BadRequest("the check that you are not a robot failed or has expired; repeat it")


def _verdict(backend: Backend, address: str, form: dict[str, str]) -> _Verdict:
    try:
        reply = backend.outbound.call("POST", address, form=form)
        if reply.status == _OK:
            return msgspec.json.decode(reply.body, type=_Verdict)
        reason = f"it answers {reply.status}"
    except CallFailed as error:
        reason = str(error)
    except msgspec.DecodeError:
        reason = "it does not answer with JSON"
    raise Unavailable(f"reCAPTCHA cannot check that you are not a robot: {reason}; try again later")
