"""`fn::rotate::azure-app-secret`: the client secret of an app registration in Microsoft Entra."""

import re
from datetime import timedelta

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, Schema
from common.environments.language.syntax.number import Number
from common.environments.providers import azure_calls, calls, values
from common.environments.providers.calls import Request
from common.environments.providers.schemas import AZURE_LOGIN, ONE, members
from common.environments.rotators.base import TwoSecrets, whole_number

_HOST = "graph.microsoft.com"
_SCOPE = f"https://{_HOST}/.default"
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_DAYS_DEFAULT = 180
_NO_CONTENT, _NOT_FOUND, _GONE = 204, 404, 400


class AzureAppSecret(TwoSecrets):
    """Adds a client secret, and removes the previous one."""

    INPUTS = Schema(
        "object",
        properties={
            "login": AZURE_LOGIN,
            "clientId": STRING,
            "lifetimeInDays": Schema("number", minimum=ONE, maximum=Number("730"), default=_DAYS_DEFAULT),
        },
        required=("login", "clientId"),
        rotate_only=("login",),
    )
    SECRET = members({"secretId": STRING, "secretValue": STRING}, {"createdAt": STRING, "expiresAt": STRING})

    def make_secret(self, inputs: dict[str, EscValue], state: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return a new client secret; raises WorldError."""
        settings = values.plain(inputs)
        if not _ID.fullmatch(settings["clientId"]):
            raise WorldError("clientId must be the id of an app registration")
        days = whole_number(settings, "lifetimeInDays", _DAYS_DEFAULT)
        headers = {"Authorization": f"Bearer {azure_calls.access_token(self.access, settings['login'], _SCOPE)}"}
        app = f"https://{_HOST}/v1.0/applications(appId='{settings['clientId']}')"
        previous = values.text_at(values.plain(state).get("previous"), "secretId")
        if previous:
            # One that was removed by hand is answered with 400 or 404.
            removal = Request("POST", f"{app}/removePassword", headers, json={"keyId": previous}, shows_code=True)
            calls.send(self.access, removal, also=(_NO_CONTENT, _NOT_FOUND, _GONE))
        ends_at = self.access.backend.clock.now() + timedelta(days=days)
        body = {"passwordCredential": {"displayName": "rotated by Stackhold", "endDateTime": f"{ends_at:%Y-%m-%dT%H:%M:%SZ}"}}
        answer = calls.fetch(self.access, Request("POST", f"{app}/addPassword", headers, json=body, shows_code=True))
        return values.record(
            secretId=values.require_text(answer, _HOST, "keyId"),
            secretValue=values.secret(values.require_text(answer, _HOST, "secretText")),
            createdAt=values.text_at(answer, "startDateTime") or None,
            expiresAt=values.text_at(answer, "endDateTime") or None,
        )
