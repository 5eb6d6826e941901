"""The gateway calls a published version of the API function, which keeps what the function was when it was published.

So whatever changes the function must publish another version, or a change of a parameter reaches no one.
"""

from typing import Any

import pytest

from aws.lambda_migrate import settings_of
from tests.aws.stack import Stack, translated
from tests.aws.template import template

EXISTING = {
    "DatabaseEndpoint": "db.example.com:3306",
    "VpcId": "vpc-1",
    "SubnetIds": "subnet-1,subnet-2",
    "DatabaseResourceId": "db-1",
}
SCENARIOS: dict[str, dict[str, str]] = {
    "all new": {},
    "new serverless database": {"DatabaseKind": "serverless"},
    "existing database": EXISTING,
    "existing database by password": {**EXISTING, "DatabaseLogin": "password", "DatabasePassword": "hunter2"},
}
# Another value of each parameter, and the variable of the API function that shows it.
OTHER: dict[str, tuple[str, str]] = {
    "AlarmEmail": ("ops@example.com", ""),
    "DomainName": ("api.example.com", "PULUMI_API_DOMAIN"),
    "BasePath": ("pulumi", ""),
    "CertificateArn": ("arn:aws:acm:eu-west-1:123456789012:certificate/1", ""),
    "SnapStart": ("false", ""),
    "ApiMemoryMegabytes": ("3538", ""),
    "ApiConcurrency": ("50", ""),
    "Release": ("2", ""),
    "RequestsPerSecond": ("17", ""),
    "RequestBurst": ("17", ""),
    "LogDays": ("90", ""),
    "VpcId": ("vpc-9", ""),
    "SubnetIds": ("subnet-8,subnet-9", ""),
    "InternetAccess": ("true", ""),
    "SettingsSecret": ("stackhold/settings", "STACKHOLD_SETTINGS_SECRETS"),
    "DatabaseEndpoint": ("other.example.com:3307", "PULUMI_DATABASE_ENDPOINT"),
    "DatabaseName": ("pulumi", "PULUMI_DATABASE_NAME"),
    "DatabaseUser": ("pulumi", "PULUMI_DATABASE_USER_NAME"),
    "DatabaseLogin": ("password", "STACKHOLD_DATABASE_LOGIN"),
    "DatabasePassword": ("correct horse", ""),
    "DatabaseResourceId": ("db-9", ""),
    "DatabaseKind": ("serverless", ""),
    "DatabaseCapacity": ("8", ""),
    "DatabaseClass": ("db.t4g.small", ""),
    "DatabaseGigabytes": ("40", ""),
    "DatabaseMultiAz": ("true", ""),
    "BackupDays": ("14", ""),
    "DeletionProtection": ("false", ""),
    "CreateAuditTable": ("true", ""),
    "AuditTableName": ("audit", "PULUMI_AUDIT_LOGS_DYNAMO_TABLE"),
    "AuditExportRoles": ("arn:aws:iam::123456789012:role/audit", ""),
}
# The function itself is told of this one, not a version of it.
OF_THE_FUNCTION = ("ReservedConcurrentExecutions",)
# Made once, and named after the stack: nothing that an operator changes makes another one.
NEVER_REPLACED = {"ApiFunctionRole.Arn", "ApiLog", "Tables.Settings"}


def published(parameters: dict[str, str], **more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the function as a new version would keep it, and what decides whether there is a new version."""
    attributes = {"ApiFunctionVersion": "", **more.pop("attributes", {})}
    tables = Stack(parameters, attributes, **more).resource("Tables")["Properties"]
    told = {name: value for name, value in tables.items() if name not in ("ServiceToken", "ServiceTimeout")}
    stack = Stack(parameters, {**attributes, "Tables.Settings": settings_of(told)}, **more)
    function = stack.resource("ApiFunction")["Properties"]
    ((name, version),) = (
        (name, one) for name, one in stack.resources("AWS::Lambda::Version").items() if name.startswith("ApiFunction")
    )
    # CloudFormation replaces a version when its logical id or one of these changes: neither can be changed in place.
    identity = (name, version["Properties"]["Description"], version["Properties"]["FunctionName"])
    return {key: value for key, value in function.items() if key not in OF_THE_FUNCTION}, identity


def without_description(function: dict[str, Any]) -> dict[str, Any]:
    """Return all else of a function."""
    return {name: value for name, value in function.items() if name != "Description"}


class TestPublishedVersion:
    @pytest.mark.parametrize("scenario", SCENARIOS)
    @pytest.mark.parametrize("parameter", OTHER)
    def test_changed_settings_reach_the_api(self, scenario: str, parameter: str) -> None:
        """A parameter that changes the function publishes another version; Lambda takes it, as the function has changed."""
        before, old = published(SCENARIOS[scenario])
        after, new = published({**SCENARIOS[scenario], parameter: OTHER[parameter][0]})

        assert (without_description(before) == without_description(after)) or old != new
        assert (before == after) == (old == new)

    @pytest.mark.parametrize("parameter", [name for name, (_, variable) in OTHER.items() if variable])
    def test_sees_the_parameter(self, parameter: str) -> None:
        """What the API sees of a parameter is its new value."""
        value, variable = OTHER[parameter]
        function, _ = published({**EXISTING, parameter: value})

        assert value == function["Environment"]["Variables"][variable]

    def test_sees_its_base_path(self) -> None:
        """A base path is in the function's setting, in the mapping of the own name, and in the address that is told."""
        stack = Stack({"BasePath": "pulumi", "DomainName": "api.example.com"})
        (mapping,) = stack.resources("AWS::ApiGatewayV2::ApiMapping").values()

        assert "/pulumi" == stack.resource("ApiFunction")["Properties"]["Environment"]["Variables"]["STACKHOLD_BASE_PATH"]
        assert "pulumi" == mapping["Properties"]["ApiMappingKey"]
        assert "https://api.example.com/pulumi" == stack.output("Url")
        assert "https://api.example.com" == Stack({"DomainName": "api.example.com"}).output("Url")

    def test_knows_every_parameter(self) -> None:
        """A new parameter gets a value above."""
        assert set(template()["Parameters"]) == set(OTHER)

    def test_release_forces_another_one(self) -> None:
        """With nothing else changed another text in Release publishes a version and runs the migration function."""
        before, old = published({})
        after, new = published({"Release": "again"})

        assert old != new
        assert without_description(before) == without_description(after)
        assert before != after

    def test_follows_what_it_is_made_of(self) -> None:
        """A resource that is replaced, such as the database, is in another version."""
        stack = Stack()
        stack.resource("ApiFunction")
        references = {name for name in stack.references if name not in NEVER_REPLACED}
        before = published({})[1]

        assert {"Database.Endpoint.Address", "StateBucket", "Key.Arn"} <= references
        assert [] == [name for name in references if published({}, attributes={name: "another"})[1] == before]

    def test_follows_the_template(self) -> None:
        """A variable that a user adds to the template publishes a version, although no code has changed."""

        def change(source: dict[str, Any]) -> None:
            source["Globals"]["Function"]["Environment"]["Variables"]["PULUMI_CONSOLE_DOMAIN"] = "app.example.com"

        assert published({})[1] != published({}, made=translated(change))[1]

    def test_leaves_no_old_one_behind(self) -> None:
        """Each version has a snapshot that is paid for: the one before goes at the end of a deployment."""
        made = translated()["Resources"].values()

        assert {"Delete"} == {one["DeletionPolicy"] for one in made if one["Type"] == "AWS::Lambda::Version"}

    def test_comes_after_the_migration(self) -> None:
        """The function waits for what the migration function returns, so a migration that fails stops the release."""
        stack = Stack()
        stack.resource("ApiFunction")
        (version,) = (one for name, one in translated()["Resources"].items() if name.startswith("ApiFunctionVersion"))

        assert "Tables.Settings" in stack.references
        assert {"Fn::GetAtt": ["Tables", "Settings"]} == version["Properties"]["Description"]


class TestSecrets:
    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_stand_in_no_environment(self, scenario: str) -> None:
        """No function's variables hold a password, nor what CloudFormation would replace by one."""
        stack = Stack({**SCENARIOS[scenario], "SettingsSecret": "stackhold/settings"})
        for function in stack.resources("AWS::Lambda::Function").values():
            text = str(function["Properties"]["Environment"])
            assert "hunter2" not in text
            assert "{{resolve" not in text
            assert "PASSWORD" not in text

    def test_are_read_by_those_who_need_them(self) -> None:
        """The migration function alone may read the administrator's password; each may read the settings that it is given."""
        stack = Stack({"SettingsSecret": "stackhold/settings"})
        policies = stack.resources("AWS::IAM::ManagedPolicy")
        readable = {
            name: [
                one["Resource"]
                for one in policy["Properties"]["PolicyDocument"]["Statement"]
                if one["Action"] == "secretsmanager:GetSecretValue"
            ]
            for name, policy in policies.items()
        }
        roles = {name: str(role["Properties"]["ManagedPolicyArns"]) for name, role in stack.resources("AWS::IAM::Role").items()}

        settings = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stackhold/settings-??????"
        assert {"FunctionPolicy": [settings], "MigratePolicy": ["<DatabaseSecret>"]} == readable
        assert ["MigrateFunctionRole"] == [name for name, text in roles.items() if "<MigratePolicy>" in text]
        assert all("<FunctionPolicy>" in text for text in roles.values())

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_are_named_to_who_may_read_them(self, scenario: str) -> None:
        """Every secret that a function is told to read is one that its policies let it read, and there is a way to it."""
        stack = Stack({**SCENARIOS[scenario], "SettingsSecret": "stackhold/settings"})
        for name in ("ApiFunction", "JobsFunction", "MigrateFunction"):
            role = str(stack.resource(f"{name}Role")["Properties"]["ManagedPolicyArns"])
            allowed = str([one for policy, one in stack.resources("AWS::IAM::ManagedPolicy").items() if f"<{policy}>" in role])
            named = stack.resource(name)["Properties"]["Environment"]["Variables"]["STACKHOLD_SETTINGS_SECRETS"]
            assert named
            assert [] == [one for one in named.split(",") if one not in allowed]

    def test_have_a_way_from_the_closed_network(self) -> None:
        """The network without a way to the internet has one to Secrets Manager, and does not pay for one beside a gateway."""
        ways = {
            access: {
                one["Properties"]["ServiceName"].rpartition(".")[2]
                for one in Stack({"InternetAccess": access}).resources("AWS::EC2::VPCEndpoint").values()
            }
            for access in ("false", "true")
        }

        assert {"false": {"s3", "kms", "secretsmanager"}, "true": {"s3", "kms"}} == ways
