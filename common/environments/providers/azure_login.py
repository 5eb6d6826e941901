"""`fn::open::azure-login`: a service principal of Microsoft Entra, by a client secret or by an identity token."""

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import BOOLEAN, STRING, AnySchema
from common.environments.providers import identity
from common.environments.providers.base import Access
from common.environments.providers.schemas import AZURE_LOGIN, SUBJECT_ATTRIBUTES, members
from common.environments.providers.values import plain, record, secret

INPUTS = members(
    {"clientId": STRING, "tenantId": STRING},
    {"subscriptionId": STRING, "clientSecret": STRING, "oidc": BOOLEAN, "subjectAttributes": SUBJECT_ATTRIBUTES},
)
# Programs use the token itself for as long as the environment is open by default.
_TOKEN_SECONDS = 7200


class AzureLogin:
    """Returns what a client of Azure logs in with; nothing is sent."""

    def __init__(self, access: Access) -> None:
        """Log in for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, AZURE_LOGIN

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the login; raises WorldError without a way to prove who logs in."""
        settings = plain(inputs)
        client_secret, uses_oidc = settings.get("clientSecret") or "", settings.get("oidc") is True
        if bool(client_secret) is uses_oidc:
            raise WorldError("azure-login needs either clientSecret or oidc: true")
        token = None
        if uses_oidc:
            attributes = settings.get("subjectAttributes") or ()
            token = identity.login_token(self._access, context, "azure", attributes, seconds=_TOKEN_SECONDS)
        return record(
            clientId=settings["clientId"],
            tenantId=settings["tenantId"],
            subscriptionId=settings.get("subscriptionId"),
            clientSecret=secret(client_secret) if client_secret else None,
            oidc=record(token=secret(token)) if token is not None else None,
        )
