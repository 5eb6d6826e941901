"""`fn::open::aws-login`: credentials of AWS, written in the definition or had for an identity token."""

import re
from typing import Any

from common.core.durations import find_seconds
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import AnySchema, Schema, array_of
from common.environments.language.syntax.number import Number
from common.environments.providers import aws_calls, identity
from common.environments.providers.base import Access
from common.environments.providers.schemas import AWS_LOGIN, DURATION, SUBJECT_ATTRIBUTES, members, options
from common.environments.providers.values import plain, record, secret

_PRINTABLE = r"[\x{0009}\x{000A}\x{000D}\x{0020}-\x{007E}\x{0085}\x{00A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+"
_ARN = Schema("string", min_length=Number("20"), max_length=Number("2048"), pattern=_PRINTABLE)
_SESSION_NAME = Schema("string", min_length=Number("2"), max_length=Number("64"), pattern=r"[\w+=,.@-]*")
_OIDC = members(
    {"sessionName": _SESSION_NAME, "roleArn": _ARN},
    {"duration": DURATION, "policyArns": array_of(_ARN), "subjectAttributes": SUBJECT_ATTRIBUTES},
    title="AWSLoginOIDC",
)
INPUTS = options({"oidc": _OIDC, "static": AWS_LOGIN})
_ROLE = re.compile(r"arn:(aws[a-z-]*):iam::\d{12}:role/.+")
# Where the roles of each partition are assumed; those of the first one can be in any region.
_STS_REGIONS = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_DURATION_DEFAULT = "2h"
_SHORTEST_SECONDS, _LONGEST_SECONDS = 900, 43_200


class AwsLogin:
    """Returns credentials of AWS."""

    def __init__(self, access: Access) -> None:
        """Log in for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, AWS_LOGIN

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the credentials; raises WorldError."""
        settings = plain(inputs)
        if ("oidc" in settings) is ("static" in settings):
            raise WorldError("aws-login needs either oidc or static")
        if "static" in settings:
            static = settings["static"]
            return _login(static["accessKeyId"], static["secretAccessKey"], static.get("sessionToken") or "")
        return self._assume_role(settings["oidc"], context)

    def _assume_role(self, oidc: dict[str, Any], context: Context) -> EscValue:
        role = _ROLE.fullmatch(oidc["roleArn"])
        if role is None:
            raise WorldError("roleArn must be the ARN of a role, such as arn:aws:iam::123456789012:role/deploy")
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": oidc["roleArn"],
            "RoleSessionName": oidc["sessionName"],
            "DurationSeconds": str(_seconds(oidc.get("duration") or _DURATION_DEFAULT)),
            "WebIdentityToken": identity.login_token(self._access, context, "aws", oidc.get("subjectAttributes") or ()),
        }
        for number, arn in enumerate(oidc.get("policyArns") or (), start=1):
            form[f"PolicyArns.member.{number}.arn"] = arn
        region = _STS_REGIONS.get(role[1], "us-east-1")
        answer = aws_calls.call_query(self._access, f"{aws_calls.endpoint('sts', region)}/", form)
        texts = [aws_calls.xml_text(answer, tag) for tag in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
        if not all(texts):
            raise WorldError("AWS STS answers without credentials")
        return _login(*texts)


def _login(access_key_id: str, secret_access_key: str, session_token: str) -> EscValue:
    return record(
        accessKeyId=access_key_id,
        secretAccessKey=secret(secret_access_key),
        sessionToken=secret(session_token) if session_token else None,
    )


def _seconds(text: str) -> int:
    seconds = find_seconds(text)
    if seconds is None or not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise WorldError("duration must be between 15m0s and 12h0m0s")
    return seconds
