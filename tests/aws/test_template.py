"""The template is sound, and says the same as the code that it runs."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common.config.settings import SETTINGS
from tests.aws.template import ROOT, TEMPLATE, resources, template, walk
from tests.factories.audit_tables import schema
from tools.package_aws import PYTHON_VERSION

FUNCTION = "AWS::Serverless::Function"
# What the drivers' calls need, besides what the encryption of the buckets asks for.
ACTIONS = {
    "put_object": "s3:PutObject",
    "get_object": "s3:GetObject",
    "head_object": "s3:GetObject",
    "generate_presigned_url": "s3:GetObject",
    "delete_object": "s3:DeleteObject",
    "delete_objects": "s3:DeleteObject",
    "list_objects_v2": "s3:ListBucket",
    "encrypt": "kms:Encrypt",
    "decrypt": "kms:Decrypt",
    "describe_table": "dynamodb:DescribeTable",
    "put_item": "dynamodb:PutItem",
    "query": "dynamodb:Query",
}
DRIVERS = ("common/ports/blobs/s3.py", "common/ports/keys/aws_kms.py", "common/ports/audit_table.py")
OF_BUCKET_ENCRYPTION = {"kms:GenerateDataKey", "kms:Decrypt"}
# The login to the database, and the settings (aws/environment.py).
OF_START = {"rds-db:connect", "secretsmanager:GetSecretValue"}
# The roles that organizations name for the hourly export of their audit logs, and that the operator lists.
OF_EXPORTS = {"sts:AssumeRole"}


def environment(function: dict[str, Any]) -> dict[str, Any]:
    """Return the variables that a function gets."""
    variables: dict[str, Any] = dict(template()["Globals"]["Function"]["Environment"]["Variables"])
    own: dict[str, Any] = function["Properties"].get("Environment", {}).get("Variables", {})
    return variables | own


def statements() -> list[dict[str, Any]]:
    """Return the statements of every policy that a function has."""
    policies = [policy["Properties"]["PolicyDocument"] for policy in resources("AWS::IAM::ManagedPolicy").values()]
    found: list[dict[str, Any]] = [part for part in walk(policies) if isinstance(part, dict) and "Effect" in part]
    return found


def listed(value: Any) -> list[Any]:
    """Return a value that may stand alone as a list."""
    return value if isinstance(value, list) else [value]


def calls_of(path: Path) -> set[str]:
    """Return the names of the SDK's operations that a driver calls on its client."""
    tree = ast.parse(path.read_text("utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return {call.attr for call in calls if isinstance(call.value, ast.Call) and ast.unparse(call.value) == "self._client()"}


class TestTemplate:
    def test_is_sound(self) -> None:
        """cfn-lint, which knows CloudFormation's and SAM's resources, finds nothing."""
        program = Path(sys.executable).with_name("cfn-lint")
        found = subprocess.run(
            [str(program), "--non-zero-exit-code", "informational", str(TEMPLATE)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

        assert (0, "") == (found.returncode, found.stdout)

    def test_keeps_what_cannot_be_made_again(self) -> None:
        """Key, buckets and database outlive a stack that is deleted by mistake."""
        precious = {
            "AWS::KMS::Key": "Retain",
            "AWS::S3::Bucket": "Retain",
            "AWS::DynamoDB::Table": "Retain",
            "AWS::RDS::DBCluster": "Snapshot",
            "AWS::RDS::DBInstance": "Snapshot",
        }
        for kind, policy in precious.items():
            assert resources(kind)
            for resource in resources(kind).values():
                if "DBClusterIdentifier" in resource["Properties"]:  # Its data are the cluster's.
                    continue
                assert (policy, policy) == (resource["DeletionPolicy"], resource["UpdateReplacePolicy"])

    def test_makes_an_audit_table_of_the_originals_schema(self) -> None:
        """A table that the template makes is one that `doctor` finds nothing wrong with."""
        (table,) = resources("AWS::DynamoDB::Table").values()
        wanted = schema("any")

        assert {name: wanted[name] for name in wanted if name != "TableName"} == {
            name: table["Properties"][name] for name in wanted if name != "TableName"
        }


class TestFunctions:
    def test_run_what_is_packed(self) -> None:
        """Every handler is in the package, which is compiled for the function's Python."""
        assert f"python{PYTHON_VERSION}" == template()["Globals"]["Function"]["Runtime"]
        assert "build/aws" == template()["Globals"]["Function"]["CodeUri"]
        for function in resources(FUNCTION).values():
            module, _, name = function["Properties"]["Handler"].rpartition(".")
            tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text("utf-8"))
            assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
            assert function["Metadata"]["SkipBuild"] is True

    def test_get_settings_that_exist(self) -> None:
        """Every variable is in the table of settings, and is used by this release."""
        known = {setting.name for setting in SETTINGS if setting.status == "used"}
        for function in resources(FUNCTION).values():
            assert set() == set(environment(function)) - known

    def test_get_all_that_a_function_needs(self) -> None:
        """Database, states and key are named for every function, and no function migrates by the way."""
        wanted = {
            "PULUMI_DATABASE_ENDPOINT",
            "PULUMI_DATABASE_USER_NAME",
            "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT",
            "PULUMI_KMS_KEY",
        }
        for function in resources(FUNCTION).values():
            assert wanted <= set(environment(function))
            assert "false" == environment(function)["STACKHOLD_MIGRATE_AT_START"]

    def test_fit_into_their_environment(self) -> None:
        """Lambda takes four kilobytes of variables; references are counted with what they become."""
        for function in resources(FUNCTION).values():
            assert 3000 > len(json.dumps(environment(function))) + 200

    def test_end_before_their_gateway(self) -> None:
        """The API function ends before the gateway gives up, so that the client hears our words."""
        (integration,) = resources("AWS::ApiGatewayV2::Integration").values()

        assert integration["Properties"]["TimeoutInMillis"] > resources(FUNCTION)["ApiFunction"]["Properties"]["Timeout"] * 1000

    def test_wait_for_the_tables(self) -> None:
        """A release's API and jobs are reachable only after the migration of that release."""
        assert {"Ref": "MigrateFunction.Version"} == template()["Resources"]["Tables"]["Properties"]["Code"]
        assert {"Fn::GetAtt": "Tables.Settings"} == resources(FUNCTION)["ApiFunction"]["Properties"]["VersionDescription"]
        assert "Tables" == resources(FUNCTION)["JobsFunction"]["DependsOn"]

    def test_keep_their_logs_for_a_set_time(self) -> None:
        """Every function logs into a group that has a retention."""
        groups = resources("AWS::Logs::LogGroup")
        for function in resources(FUNCTION).values():
            assert function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] in groups
        assert all("RetentionInDays" in group["Properties"] for group in groups.values())


class TestSchedules:
    def test_equal_the_decorators(self) -> None:
        """The template's schedules are those of Chalice's decorators, function for function."""
        from chalice.app import Chalice

        found: dict[str, list[str]] = {}
        original = Chalice.schedule

        def noted(self: Chalice, expression: Any, name: str | None = None, description: str = "") -> Any:
            def decorate(function: Any) -> Any:
                text = expression if isinstance(expression, str) else expression.to_string()
                found.setdefault(f"aws.lambda_jobs.{function.__name__}", []).append(text)
                return original(self, expression, name, description)(function)

            return decorate

        sys.modules.pop("aws.lambda_jobs", None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Chalice, "schedule", noted)
            __import__("aws.lambda_jobs")
        stated = {
            function["Properties"]["Handler"]: [
                event["Properties"]["Schedule"] for event in function["Properties"]["Events"].values()
            ]
            for function in resources(FUNCTION).values()
            if "Events" in function["Properties"]
        }

        assert found
        assert found == stated

    def test_bring_no_input_of_their_own(self) -> None:
        """An input would replace the event that Chalice reads."""
        for function in resources(FUNCTION).values():
            for event in function["Properties"].get("Events", {}).values():
                assert "Input" not in event["Properties"]


class TestPermissions:
    def test_cover_what_the_drivers_call(self) -> None:
        """Every operation that a driver calls is allowed, and nothing else but what the buckets' encryption needs."""
        called = set().union(*(calls_of(ROOT / driver) for driver in DRIVERS))
        allowed = {action for statement in statements() for action in listed(statement["Action"])}

        assert set(ACTIONS) == called
        assert {ACTIONS[call] for call in called} | OF_BUCKET_ENCRYPTION | OF_START | OF_EXPORTS == allowed

    def test_are_for_named_things(self) -> None:
        """No statement is for every resource or every action."""
        assert statements()
        for statement in statements():
            assert "Allow" == statement["Effect"]
            for resource in listed(statement["Resource"]):
                text = json.dumps(resource)
                assert "*" != resource
                assert "Fn::GetAtt" in text or "${" in text or '"Ref"' in text
                assert not re.search(r":\*|\*:", text)
            assert [] == [action for action in listed(statement["Action"]) if "*" in action]

    def test_are_what_these_tests_see(self) -> None:
        """No function has a policy beside those above; the migration function alone has one more than the others."""
        more = {"Fn::If": ["MakesDatabase", {"Ref": "MigratePolicy"}, {"Ref": "AWS::NoValue"}]}
        policies = {name: function["Properties"]["Policies"] for name, function in resources(FUNCTION).items()}

        assert [{"Ref": "FunctionPolicy"}, more] == policies.pop("MigrateFunction")
        assert {"ApiFunction", "JobsFunction"} == set(policies)
        assert all([{"Ref": "FunctionPolicy"}] == own for own in policies.values())


class TestGateway:
    def test_has_one_route_for_everything(self) -> None:
        """The application alone knows addresses and callers: one route, no authorizer."""
        (route,) = resources("AWS::ApiGatewayV2::Route").values()
        (integration,) = resources("AWS::ApiGatewayV2::Integration").values()

        assert ("$default", "NONE") == (route["Properties"]["RouteKey"], route["Properties"]["AuthorizationType"])
        assert "2.0" == integration["Properties"]["PayloadFormatVersion"]
        assert {} == resources("AWS::ApiGatewayV2::Authorizer")

    def test_invokes_the_published_version(self) -> None:
        """Requests go to the alias, whose snapshot is what starts fast."""
        (integration,) = resources("AWS::ApiGatewayV2::Integration").values()
        (permission,) = resources("AWS::Lambda::Permission").values()

        assert {"Ref": "ApiFunction.Alias"} == integration["Properties"]["IntegrationUri"]
        assert {"Ref": "ApiFunction.Alias"} == permission["Properties"]["FunctionName"]

    def test_logs_no_secret(self) -> None:
        """The access log has neither headers nor query strings."""
        (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
        logged = json.loads(stage["Properties"]["AccessLogSettings"]["Format"])

        assert logged["status"] == "$context.status"
        assert [] == [
            value for value in logged.values() if "header" in value or "authorizer" in value or "query" in value.lower()
        ]

    def test_lets_many_begin_together(self) -> None:
        """A gateway's own limits answer 429 to fifty updates that begin at once, which older command lines do not repeat."""
        (stage,) = resources("AWS::ApiGatewayV2::Stage").values()
        limits = stage["Properties"]["DefaultRouteSettings"]
        parameters = template()["Parameters"]

        assert {"ThrottlingRateLimit": {"Ref": "RequestsPerSecond"}, "ThrottlingBurstLimit": {"Ref": "RequestBurst"}} == limits
        assert 500 <= parameters["RequestBurst"]["Default"] <= parameters["RequestsPerSecond"]["Default"]


class TestNetwork:
    def test_has_no_way_to_the_internet(self) -> None:
        """The network that the template makes has a way out only where it is asked for, and only asked-for doors in."""
        ways = {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route"}
        found = [resource for resource in template()["Resources"].values() if resource["Type"] in ways]

        assert ways == {resource["Type"] for resource in found}
        assert {"MakesWayOut"} == {resource["Condition"] for resource in found}
        assert "false" == template()["Parameters"]["InternetAccess"]["Default"]
        for group in resources("AWS::EC2::SecurityGroup").values():
            for rule in group["Properties"].get("SecurityGroupIngress", []):
                assert {"Ref": "FunctionSecurityGroup"} == rule["SourceSecurityGroupId"]

    def test_keeps_the_database_inside_and_encrypted(self) -> None:
        """The database cannot be reached from outside, refuses plain connections, and is encrypted at rest."""
        databases, clusters = resources("AWS::RDS::DBInstance"), resources("AWS::RDS::DBCluster")
        groups = [*resources("AWS::RDS::DBParameterGroup").values(), *resources("AWS::RDS::DBClusterParameterGroup").values()]

        assert [False, False] == [database["Properties"]["PubliclyAccessible"] for database in databases.values()]
        assert databases["Database"]["Properties"]["StorageEncrypted"] is True
        assert clusters["DatabaseCluster"]["Properties"]["StorageEncrypted"] is True
        assert ["ON", "ON"] == [group["Properties"]["Parameters"]["require_secure_transport"] for group in groups]

    def test_does_not_pin_a_patch_of_the_database(self) -> None:
        """RDS withdraws releases, and a template that names one cannot be deployed afresh then."""
        databases = resources("AWS::RDS::DBInstance")

        assert "8.4" == databases["Database"]["Properties"]["EngineVersion"]
        assert "8.0" == resources("AWS::RDS::DBCluster")["DatabaseCluster"]["Properties"]["EngineVersion"]
        assert all(database["Properties"]["AutoMinorVersionUpgrade"] is True for database in databases.values())

    def test_lets_the_serverless_database_pause(self) -> None:
        """It may go down to nothing, and only the functions of such a database leave it alone."""
        scaling = resources("AWS::RDS::DBCluster")["DatabaseCluster"]["Properties"]["ServerlessV2ScalingConfiguration"]
        variables = template()["Globals"]["Function"]["Environment"]["Variables"]

        assert (0, 300) == (scaling["MinCapacity"], scaling["SecondsUntilAutoPause"])
        assert {"Fn::If": ["MakesCluster", "true", ""]} == variables["STACKHOLD_DATABASE_SLEEPS"]
