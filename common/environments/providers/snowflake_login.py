"""`fn::open::snowflake-login`: an identity token that Snowflake takes in place of a password."""

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context
from common.environments.language.schemas.schema import STRING, AnySchema
from common.environments.providers import identity
from common.environments.providers.base import Access
from common.environments.providers.schemas import members
from common.environments.providers.values import plain, record, secret

INPUTS = members({"oidc": members({"account": STRING, "user": STRING}, {"role": STRING})})
OUTPUTS = members({"account": STRING, "token": STRING, "user": STRING})
# Programs use the token itself for as long as the environment is open by default.
_TOKEN_SECONDS = 7200


class SnowflakeLogin:
    """Returns an identity token; nothing is sent."""

    def __init__(self, access: Access) -> None:
        """Log in for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, OUTPUTS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the token. Snowflake reads user and role out of its claims."""
        oidc = plain(inputs)["oidc"]
        role = {"scope": f"session:role:{oidc['role']}"} if oidc.get("role") else {}
        token = identity.login_token(
            self._access, context, "snowflake", seconds=_TOKEN_SECONDS, snowflake_user=oidc["user"], **role
        )
        return record(account=oidc["account"], user=oidc["user"], token=secret(token))
