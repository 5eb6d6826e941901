"""docs/deploy-aws.md says what the template does: every name, default, command, limit and sum in it is held against the code."""

import json
import re
import shlex
from typing import Any

import pytest

from aws import lambda_migrate
from common.config.setting import Status
from common.config.settings import SETTINGS, Settings
from tests.aws.stack import translated
from tests.aws.template import ROOT, resources, template
from tests.walkthrough import Page, amount, make_targets
from tools import package_aws

PAGE = Page(ROOT / "docs" / "deploy-aws.md")
SETTING_NAMES = {setting.name: setting for setting in SETTINGS}
# Options of the command line itself, and commands of it that are not operations of a service.
GLOBAL_OPTIONS = {"output", "query", "cli-binary-format"}
OF_THE_COMMAND_LINE = {("s3", "rb"): {"force"}}


def aws_calls() -> list[tuple[str, str, set[str]]]:
    """Return (service, operation, options) of every call of `aws` on the page."""
    places = " ; ".join([*PAGE.commands, *sorted(word for word in PAGE.words if word.startswith("aws "))])
    return [
        (service, operation, set(re.findall(r"--([a-z][a-z-]*)", rest)) - GLOBAL_OPTIONS)
        for service, operation, rest in re.findall(r"\baws ([a-z0-9]+) ([a-z0-9-]+)((?: [^;&|]*)?)", places)
    ]


def of_sam() -> list[list[str]]:
    """Return the words of every call of `sam` on the page."""
    places = [*PAGE.commands, *sorted(word for word in PAGE.words if word.startswith("sam "))]
    return [
        shlex.split(place.partition("#")[0].rpartition("&& sam")[2] or place, comments=True)
        for place in places
        if "sam " in place
    ]


class TestParameters:
    def test_are_all_on_the_page_and_no_others(self) -> None:
        """The table has every parameter of the template once."""
        listed = [name for row in PAGE.table("## Parameters") for name in re.findall(r"`(\w+)`", row[0])]

        assert sorted(template()["Parameters"]) == sorted(listed)

    def test_have_the_defaults_that_are_told(self) -> None:
        """Where the table tells values, they are the template's, in the same order."""
        parameters = template()["Parameters"]
        for names, told, _ in PAGE.table("## Parameters"):
            found = [str(parameters[name]["Default"]) for name in re.findall(r"`(\w+)`", names)]
            for value, default in zip(told.split(", "), found, strict=False):
                assert (value == default) or (default == "" and value in ("none", "empty", "a new one", "the gateway's name")), (
                    names
                )

    def test_that_are_set_exist_and_take_the_value(self) -> None:
        """Whatever the page sets is a parameter that takes it."""
        given = {(name, value) for name, value in PAGE.assignments(r"[A-Z][a-z]\w*")}
        parameters = template()["Parameters"]

        assert {"DeletionProtection", "Release", "SnapStart", "ApiConcurrency", "BasePath"} <= {name for name, _ in given}
        for name, value in given:
            assert name in parameters, name
            assert value in parameters[name].get("AllowedValues", [value])
            assert re.fullmatch(parameters[name].get("AllowedPattern", ".*"), value)


class TestNames:
    def test_of_outputs_exist(self) -> None:
        """Each output that a command asks for is one of the template."""
        asked = set(re.findall(r"\$\(output (\w+)\)", PAGE.text))

        assert {"Url", "MigrateFunctionName", "DomainTarget"} == asked
        assert asked <= set(template()["Outputs"])

    def test_of_resources_exist(self) -> None:
        """Each name that looks like one of the template's is a resource, a parameter or an output."""
        known = {*template()["Resources"], *template()["Parameters"], *template()["Outputs"]}
        named = {word for word in PAGE.words if re.fullmatch(r"(?:[A-Z][a-z0-9]+){1,}", word)} | set(
            re.findall(r"\*([A-Z]\w+)\*", PAGE.text)
        )

        assert {"Tables", "FunctionPolicy", "DatabaseHasManyConnections"} <= named
        assert set() == named - known

    def test_of_settings_exist(self) -> None:
        """Each setting that the page names is used by this release."""
        named = {name for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", PAGE.text) if name != "CAPABILITY_IAM"}
        own = {"AWS_REGION", "PULUMI_ACCESS_TOKEN", "INIT_REPORT", "RESTORE_REPORT"}

        assert {"STACKHOLD_SETTINGS_SECONDS", "SMTP_SERVER"} <= named
        assert set() == named - set(SETTING_NAMES) - own
        assert [] == [name for name in named - own if SETTING_NAMES[name].status is not Status.USED]

    def test_of_files_exist(self) -> None:
        """Each path is that of a file, or of one that a command on the page makes."""
        made = {"admin.json", "answer.json", "settings.json", package_aws.DATABASE_CA.relative_to(ROOT).as_posix()}
        named = {name.lstrip("/") for name in re.findall(r"(?<![\w$/-])[\w/-]+\.(?:json|pem|yaml|txt|md)\b", PAGE.text)}

        assert "aws/database-ca.pem" in named
        assert [] == [
            name for name in named if not (ROOT / name).exists() and not (ROOT / "docs" / name).exists() and name not in made
        ]

    def test_of_make_targets_exist(self) -> None:
        """Each target is in a Makefile."""
        asked = PAGE.make_targets

        assert "package-aws" in asked
        assert set() == asked - make_targets()
        assert "--without-database-ca" in PAGE.text
        assert "--without-database-ca" in (ROOT / "tools" / "package_aws.py").read_text("utf-8")


class TestCommands:
    def test_are_found(self) -> None:
        """The reading of the page sees its commands."""
        assert len(PAGE.commands) > 12
        assert any(command.startswith("sam deploy --guided") for command in PAGE.commands)

    @pytest.mark.parametrize(("service", "operation", "options"), aws_calls())
    def test_of_aws_are_operations_with_their_options(self, service: str, operation: str, options: set[str]) -> None:
        """Each call of `aws` is one that the service has, with options that it takes."""
        import botocore.session
        from botocore import xform_name

        if (service, operation) in OF_THE_COMMAND_LINE:
            assert options <= OF_THE_COMMAND_LINE[service, operation]
            return
        model = botocore.session.Session().get_service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in operations
        taken = {xform_name(name, "-") for name in model.operation_model(operations[operation]).input_shape.members}
        assert set() == options - taken

    def test_of_sam_give_the_capabilities_that_are_needed(self) -> None:
        """Roles and policies without names of their own need CAPABILITY_IAM and no more."""
        named = [
            name
            for name, one in translated()["Resources"].items()
            if {"RoleName", "ManagedPolicyName", "GroupName", "UserName"} & set(one.get("Properties", {}))
            and "IAM" in one["Type"]
        ]
        guided = [words for words in of_sam() if "--guided" in words]

        assert [] == named
        assert guided
        assert all(words[words.index("--capabilities") + 1 :] == ["CAPABILITY_IAM"] for words in guided)
        assert {"deploy", "delete", "build"} >= {words[1] if words[0] == "sam" else words[0] for words in of_sam()}

    def test_name_one_stack(self) -> None:
        """Every command is about the same stack."""
        assert {"stackhold"} == {name for command in PAGE.commands for name in re.findall(r"--stack-name (\S+)", command)}

    def test_make_the_administrator_with_what_the_function_takes(self) -> None:
        """The event that is printed has the members that the function knows, and its answer is the one on the page."""
        (printed,) = (found[1] for command in PAGE.commands if (found := re.search(r"printf '(\{.*?\})'", command)))
        event = json.loads(printed.replace("%s", "pul-" + "a" * 40))
        unknown: dict[str, Any] = lambda_migrate.handler({**event, "odd": 1}, None)

        assert "'odd' means nothing here; give token and org" == unknown["problem"]
        assert {"token", "org"} == set(event)
        assert '"administrator": "has the token"' in PAGE.text

    def test_keep_settings_that_a_secret_may_have(self) -> None:
        """The example of a secret is a JSON object of settings that the template does not set itself."""
        example = json.loads(re.search(r'^\{"STACKHOLD_OIDC.*?\}$', PAGE.text, re.MULTILINE | re.DOTALL)[0])  # type: ignore[index]
        variables = template()["Globals"]["Function"]["Environment"]["Variables"]

        assert set(example) <= set(SETTING_NAMES) - set(variables)
        assert all(isinstance(value, str) for value in example.values())


class TestSentences:
    def test_of_time(self) -> None:
        """Two minutes, 29 seconds, five minutes, 30 days: what the page tells is what the code has."""
        (integration,) = resources("AWS::ApiGatewayV2::Integration").values()

        assert "120" == Settings.settings_seconds.default
        assert "with the first request after two minutes" in PAGE.text
        assert 29 == resources("AWS::Serverless::Function")["ApiFunction"]["Properties"]["Timeout"]
        assert 30_000 == integration["Properties"]["TimeoutInMillis"]
        assert "| time of a request | 29 s |" in PAGE.text
        days = {
            rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
            for one in resources("AWS::S3::Bucket").values()
            for rule in one["Properties"]["LifecycleConfiguration"]["Rules"]
        }
        assert {30, None} == days
        assert "The bucket keeps deleted objects for 30 days." in PAGE.text

    def test_of_machines(self) -> None:
        """The database, its disk and release, and the memory of the jobs are those that are paid for in the tables."""
        parameters = template()["Parameters"]
        database = resources("AWS::RDS::DBInstance")["Database"]

        assert "db.t4g.micro" == parameters["DatabaseClass"]["Default"]
        assert 20 == parameters["DatabaseGigabytes"]["Default"]
        assert 1024 == resources("AWS::Serverless::Function")["JobsFunction"]["Properties"]["MemorySize"]
        assert f"MySQL {database['Properties']['EngineVersion']} " in PAGE.text

    def test_of_alarms(self) -> None:
        """There are as many as are paid for, and the threshold is the one that is told."""
        alarms = resources("AWS::CloudWatch::Alarm")

        assert 7 == len(alarms)
        assert "seven alarms" in PAGE.text
        assert 50 == alarms["DatabaseHasManyConnections"]["Properties"]["Threshold"]
        assert "*DatabaseHasManyConnections* (over 50)" in PAGE.text

    def test_of_ways_out(self) -> None:
        """The closed network has the ways that the page tells, and the table pays for both that cost something."""
        ways = {
            way["Properties"]["ServiceName"]["Fn::Sub"].rpartition(".")[2] for way in resources("AWS::EC2::VPCEndpoint").values()
        }
        interfaces = [
            way for way in resources("AWS::EC2::VPCEndpoint").values() if way["Properties"]["VpcEndpointType"] == "Interface"
        ]

        assert {"s3", "dynamodb", "kms", "secretsmanager"} == ways
        assert "none out but to S3, KMS, Secrets Manager and, with an audit table, DynamoDB" in PAGE.text
        assert f"{len(interfaces)} × 730 h × 0.01" in PAGE.text

    def test_of_what_stays(self) -> None:
        """What the last section removes is what the template retains: an audit table, two buckets, a key, and a snapshot of the database."""
        retained = sorted(
            one["Type"] for one in template()["Resources"].values() if one.get("DeletionPolicy") in ("Retain", "Snapshot")
        )

        assert [
            "AWS::DynamoDB::Table",
            "AWS::KMS::Key",
            "AWS::RDS::DBCluster",
            "AWS::RDS::DBInstance",
            "AWS::S3::Bucket",
            "AWS::S3::Bucket",
        ] == retained
        for words in (
            "aws dynamodb delete-table",
            "aws s3 rb s3://STATES",
            "aws s3 rb s3://POLICIES",
            "delete-db-snapshot",
            "schedule-key-deletion",
        ):
            assert words in PAGE.text

    def test_of_money(self) -> None:
        """Every row has the result that it states, and the total is the sum of the rows."""
        for heading in (
            "**Idle, a month**",
            "**1,000 updates**, taken as 60 requests each, 50 ms on average, and 100 MB of documents:",
        ):
            *rows, last = PAGE.table(heading)
            for what, arithmetic, price in rows:
                if arithmetic and "KB" not in arithmetic:
                    assert amount(arithmetic) == pytest.approx(float(price), abs=0.006), what
            assert sum(float(price) for _, _, price in rows) == pytest.approx(float(last[2].strip("*")), abs=0.006)
