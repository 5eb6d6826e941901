"""Asks reCAPTCHA whether a person fills a form in, where it is configured."""

import msgspec

from common.backend import Backend
from common.config.settings import Settings
from common.core.errors import BadRequest, Unavailable
from common.ports.outbound import CallFailed

_ANSWER_LIMIT = 8_192
_GOOD = 200


class _Verdict(msgspec.Struct):
    """What the service answers, as far as it is looked at."""

    success: bool


def is_configured(settings: Settings) -> bool:
    """Tell whether forms that anybody may send are checked."""
    return settings.is_set(Settings.recaptcha_secret_key)


def require_human(backend: Backend, answer: str, client: str) -> None:
    """Raise BadRequest unless the service takes the form's answer, Unavailable when it cannot be asked."""
    # No permission check: it is asked before anybody is let in.
    settings = backend.settings
    if not is_configured(settings):
        return
    if not answer or len(answer) > _ANSWER_LIMIT:
        msg = "tick the box that says you are no robot, and send the form again"
        raise BadRequest(msg)
    form = {"secret": settings.recaptcha_secret_key, "response": answer, **({"remoteip": client} if client else {})}
    if not _verdict(backend, f"{settings.recaptcha_endpoint.rstrip('/')}/siteverify", form).success:
        msg = "the check that you are no robot failed or has expired; do it again"
        raise BadRequest(msg)


def _verdict(backend: Backend, address: str, form: dict[str, str]) -> _Verdict:
    try:
        reply = backend.outbound.call("POST", address, form=form)
        if reply.status == _GOOD:
            return msgspec.json.decode(reply.body, type=_Verdict)
        reason = f"it answers {reply.status}"
    except CallFailed as error:
        reason = str(error)
    except msgspec.DecodeError:
        reason = "its answer is none"
    msg = f"the check that you are no robot cannot be made: {reason}; try again later"
    raise Unavailable(msg)
