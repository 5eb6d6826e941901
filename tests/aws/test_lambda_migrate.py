"""The packed migration function: as a custom resource of CloudFormation, and called by hand."""

import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.aws.artifact import Artifact
from tests.aws.installation import LONG_SECONDS, Installation
from tests.aws.moto_process import Moto
from tests.aws.runtime_api import Environment
from tests.mysql.shared import SharedServer
from tools.mysql import PASSWORD, USER


class CloudFormation:
    """What waits for the answer of a custom resource."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                # Presigned for no content type at all: S3 refuses any other with a wrong signature.
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Type"):
                    self.send_error(403)
                    return
                answers.append(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def event(self, kind: str, properties: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the event of a request."""
        return {
            "RequestType": kind,
            "ResponseURL": f"http://127.0.0.1:{self.server.server_address[1]}/answer?X-Amz-Signature=x",
            "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/stackhold/1",
            "RequestId": "request-1",
            "LogicalResourceId": "Tables",
            "ResourceType": "Custom::Tables",
            **({"PhysicalResourceId": "stackhold-tables"} if kind != "Create" else {}),
            "ResourceProperties": {
                "ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:migrate",
                **(properties or {}),
            },
        }


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    """A listener for answers."""
    waiting = CloudFormation()
    yield waiting
    waiting.server.shutdown()
    waiting.server.server_close()


class TestCustomResource:
    def test_prepares_and_answers(self, installation: Installation, cloudformation: CloudFormation) -> None:
        """Create and update bring the tables to the release; the resource keeps one id, or it would be replaced."""
        for kind in ("Create", "Update", "Delete"):
            assert {"problem": ""} == installation.migrate.invoke(cloudformation.event(kind))

        assert ["SUCCESS"] * 3 == [answer["Status"] for answer in cloudformation.answers]
        assert {"stackhold-tables"} == {answer["PhysicalResourceId"] for answer in cloudformation.answers}
        assert all(
            answer["RequestId"] == "request-1" and answer["LogicalResourceId"] == "Tables" for answer in cloudformation.answers
        )

    def test_tells_whether_its_properties_changed(self, installation: Installation, cloudformation: CloudFormation) -> None:
        """What it returns as Settings is the same for the same properties, and another one for any other."""
        for properties in ({"Release": "1"}, {"Release": "1"}, {"Release": "2"}, {"Release": "1", "Function": ["1769"]}):
            installation.migrate.invoke(cloudformation.event("Update", properties))
        first, same, *others = (answer["Data"]["Settings"] for answer in cloudformation.answers)

        assert first == same
        assert 3 == len({first, *others})
        assert all(len(text) < 60 for text in (first, *others))

    def test_signs_in_as_administrator_by_a_secret(
        self,
        packed: Artifact,
        *,
        installation: Installation,
        cloudformation: CloudFormation,
        moto_process: Moto,
        mysql_server: SharedServer,
        tmp_path: Path,
    ) -> None:
        """The administrator's password comes from a secret: with it a new server gets database and user, and no variable has it."""
        name = f"t{uuid.uuid4().hex[:20]}"
        secret = f"stackhold/{name}"
        moto_process.client("secretsmanager").create_secret(
            Name=secret, SecretString=json.dumps({"MYSQL_ROOT_USERNAME": USER, "MYSQL_ROOT_PASSWORD": PASSWORD})
        )
        settings = {
            **installation.environment,
            "PULUMI_DATABASE_NAME": name,
            "PULUMI_DATABASE_USER_NAME": name,
            "PULUMI_DATABASE_USER_PASSWORD": "application",
            "STACKHOLD_SETTINGS_SECRETS": f"{secret},",
            "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": moto_process.make_bucket(f"states-{name}"),
        }
        environment = Environment(
            packed.code(settings), "aws.lambda_migrate.handler", tmp_path / "log", timeout_seconds=LONG_SECONDS
        )
        try:
            answer = environment.invoke(cloudformation.event("Create"))
            tables = mysql_server.run("SHOW TABLES", database=name)
        finally:
            environment.close()
            mysql_server.run(f"DROP DATABASE IF EXISTS {name}", f"DROP USER IF EXISTS {name}@'%'")

        assert {"problem": ""} == answer
        assert tables

    @pytest.mark.parametrize(
        ("settings", "reason"),
        [
            (
                {"PULUMI_KMS_KEY": "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"},
                "PULUMI_KMS_KEY: AWS KMS refuses key arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000",
            ),
            (
                {"PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": "s3://absent-bucket?region=eu-west-1&s3ForcePathStyle=true"},
                "the object store cannot be used (bucket absent-bucket: NoSuchBucket;",
            ),
            ({"PULUMI_DATABASE_USER_PASSWORD": "wrong horse"}, "the database cannot be used"),
            ({"PULUMI_KMS_KEY": ""}, "set PULUMI_KMS_KEY or PULUMI_AZURE_KV_URI"),
        ],
        ids=["key", "bucket", "database", "missing"],
    )
    def test_fails_the_deployment_with_a_reason(
        self,
        packed: Artifact,
        installation: Installation,
        cloudformation: CloudFormation,
        tmp_path: Path,
        *,
        settings: dict[str, str],
        reason: str,
    ) -> None:
        """What cannot be is said in one line to anyone who deploys, without a secret, and the function does not fail on top of it."""
        environment = Environment(
            packed.code({**installation.environment, **settings}),
            "aws.lambda_migrate.handler",
            tmp_path / "log",
            timeout_seconds=LONG_SECONDS,
        )
        try:
            environment.invoke(cloudformation.event("Create"))
        finally:
            environment.close()
        (answer,) = cloudformation.answers

        assert "FAILED" == answer["Status"]
        assert reason in answer["Reason"]
        assert "wrong horse" not in json.dumps(answer) + environment.log


class TestByHand:
    def test_makes_the_administrator_as_often_as_asked(self, installation: Installation) -> None:
        """Another token is added beside the first; what is no token or no argument is named, never repeated."""
        again = installation.migrate.invoke({"token": "pul-" + "d4" * 20})
        bad = installation.migrate.invoke({"token": "secret"})
        odd = installation.migrate.invoke({"tokn": "x"})

        assert {"problem": "", "administrator": "has the token"} == again
        assert "STACKHOLD_BOOTSTRAP_TOKEN must be" in bad["problem"]
        assert "secret" not in bad["problem"]
        assert "'tokn'" in odd["problem"]
