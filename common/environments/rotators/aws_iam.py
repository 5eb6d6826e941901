"""`fn::rotate::aws-iam`: the access key of a user of AWS, who may have two."""

import re
from dataclasses import dataclass

from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, Schema
from common.environments.providers import aws_calls, values
from common.environments.providers.aws_signature import Credentials, Scope
from common.environments.providers.schemas import AWS_LOGIN, members
from common.environments.rotators.base import TwoSecrets

_USER = re.compile(r"arn:(aws[a-z-]*):iam::\d{12}:user/(?:[\w+=,.@/-]*/)?([\w+=,.@-]{1,64})")
_VERSION = "2010-05-08"
# Where the users of each partition are managed: the host, and the region of the signature.
_PLACES = {
    "aws": ("iam.amazonaws.com", "us-east-1"),
    "aws-cn": ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    "aws-us-gov": ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
}
_KEYS_LIMIT = 2
_KEY = re.compile(rb"<AccessKeyId>([A-Z0-9]{16,128})</AccessKeyId>")


@dataclass(frozen=True, slots=True)
class _Target:
    """Which user is changed, and with whose credentials."""

    partition: str
    user: str
    credentials: Credentials


class AwsIam(TwoSecrets):
    """Makes a new access key, and deletes the key that is not the current one where the user has two."""

    INPUTS = Schema(
        "object",
        properties={"login": AWS_LOGIN, "userArn": STRING, "region": Schema("string", default="us-east-1")},
        required=("login", "userArn"),
        rotate_only=("login",),
    )
    SECRET = members({"accessKeyId": STRING, "secretAccessKey": STRING}, {"createdAt": STRING})

    def make_secret(self, inputs: dict[str, EscValue], state: dict[str, EscValue], context: Context) -> EscValue:  # noqa: ARG002 - of the protocol
        """Return a new access key; raises WorldError."""
        settings = values.plain(inputs)
        user = _USER.fullmatch(settings["userArn"])
        if user is None or user[1] not in _PLACES:
            raise WorldError("userArn must be the ARN of a user, such as arn:aws:iam::123456789012:user/deploy")
        target = _Target(user[1], user[2], aws_calls.credentials_of(settings["login"]))
        self._make_room(target, values.text_at(values.plain(state).get("current"), "accessKeyId"))
        answer = self._call(target, "CreateAccessKey")
        key_id, key = (aws_calls.xml_text(answer, tag) for tag in ("AccessKeyId", "SecretAccessKey"))
        if not key_id or not key:
            raise WorldError("AWS IAM answers without an access key")
        created = aws_calls.xml_text(answer, "CreateDate")
        return values.record(accessKeyId=key_id, secretAccessKey=values.secret(key), createdAt=created or None)

    def _make_room(self, target: _Target, current: str) -> None:
        """Delete the key that is not the current one, if the user has as many keys as they may have.

        Raise WorldError if the other key signs these calls, and if it is not known which of the keys is the current one.
        """
        answer = self._call(target, "ListAccessKeys")
        keys = [match.decode() for match in _KEY.findall(answer)]
        if len(keys) < _KEYS_LIMIT:
            return
        if current not in keys:
            names = " and ".join(keys)
            raise WorldError(f"no rotation has made the user's access keys {names}; delete one that is not in use")
        for key in keys:
            if key not in (current, target.credentials.access_key_id):
                self._call(target, "DeleteAccessKey", AccessKeyId=key)
                return
        raise WorldError(f"the login signs with the access key {target.credentials.access_key_id}, which a rotation would delete")

    def _call(self, target: _Target, action: str, **arguments: str) -> bytes:
        host, region = _PLACES[target.partition]
        form = {"Action": action, "Version": _VERSION, "UserName": target.user, **arguments}
        return aws_calls.call_query(self.access, f"https://{host}/", form, target.credentials, Scope("iam", region))
