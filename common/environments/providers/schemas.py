"""The shapes that several providers share. The schemas are upstream's (esc.md 3.1), with descriptions of our own."""

from collections.abc import Mapping

from common.environments.language.schemas.schema import STRING, AnySchema, Schema, array_of
from common.environments.language.syntax.number import Number

DURATION = Schema("string", pattern="^([0-9]+h)?([0-9]+m)?([0-9]+s)?$")
ONE = Number("1")
SUBJECT_ATTRIBUTES = array_of(
    Schema(
        "string",
        enum=(
            "pulumi.user.login",
            "pulumi.organization.login",
            "pulumi.token.type",
            "pulumi.token.team",
            "currentEnvironment.name",
            "rootEnvironment.name",
        ),
    )
)


def members(required: Mapping[str, AnySchema], optional: Mapping[str, AnySchema] | None = None, *, title: str = "") -> Schema:
    """Return the schema of an object with members that it must have, and others that it may have."""
    return Schema("object", properties={**required, **(optional or {})}, required=tuple(required), title=title)


def options(optional: Mapping[str, AnySchema]) -> Schema:
    """Return the schema of an object that need not have any of these members."""
    return Schema("object", properties=dict(optional))


def map_of(schema: AnySchema) -> Schema:
    """Return the schema of an object with at least one member, whatever its name is."""
    return Schema("object", additional_properties=schema, min_properties=ONE)


SECRETS = Schema("object", additional_properties=STRING, description="The values, by the names of the definition.")
AWS_LOGIN = members({"accessKeyId": STRING, "secretAccessKey": STRING}, {"sessionToken": STRING}, title="AWSLogin")
AZURE_LOGIN = members(
    {"clientId": STRING, "tenantId": STRING},
    {"subscriptionId": STRING, "clientSecret": STRING, "oidc": members({"token": STRING})},
)
