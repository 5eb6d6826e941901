"""The templates of azure/: their syntax, that their parts fit each other, and that they give the app what it needs.

Bicep's own compiler cannot be had from a package registry. What the templates mean to Azure is beyond these tests;
docs/deploy-azure.md lists what only an account can show.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_bicep
from pycep import BicepParser

from common.backend import require_remote
from common.config.object_stores import BATCHES, CHECKPOINTS, METADATA, POLICY_PACKS
from common.config.plan import make_plan
from common.config.setting import Kind, Status
from common.config.setting_notices import notices
from common.config.settings import SECTIONS, SETTINGS, Settings
from tests.hosts.azure_app import ROOT
from tools.package_azure import PYTHON_VERSION

FOLDER = ROOT / "azure"
FILES = sorted(FOLDER.glob("*.bicep"))
# Settings that the templates leave alone, and why. Operators may still give them with extraSettings.
LEFT_OUT = {
    "a server of one's own reads them, a function does not": {
        "STACKHOLD_DATA",
        "STACKHOLD_HOST",
        "STACKHOLD_PORT",
        "STACKHOLD_WORKERS",
        "PULUMI_API_CONTAINER_MODE",
        "API_TLS_CERTIFICATE",
        "API_TLS_PRIVATE_KEY",
        "API_MIN_TLS_VERSION",
        "PULUMI_LOCAL_OBJECTS",
        "PULUMI_LOCAL_KEYS",
        "PULUMI_POLICY_PACK_LOCAL_HTTP_OBJECTS",
        "STACKHOLD_KEEP_ALIVE_SECONDS",
        "STACKHOLD_HEADER_TIMEOUT_SECONDS",
        "STACKHOLD_CONNECTIONS",
        "STACKHOLD_CONNECTIONS_PER_ADDRESS",
    },
    "they are another cloud's": {
        "AWS_REGION",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ROLE_ARN",
        "PULUMI_KMS_KEY",
        "STACKHOLD_SIGNING_KEY",
        "STACKHOLD_SETTINGS_SECRETS",
        "STACKHOLD_SETTINGS_SECONDS",
        "PULUMI_AUDIT_LOGS_DYNAMO_TABLE",
    },
    "where logs, traces and metrics go is each company's own": {setting.name for setting in SECTIONS["Telemetry"]},
    "whether Azure's own backups are enough is each company's own decision": {"STACKHOLD_BACKUP_DAYS"},
    "no MySQL of Azure pauses by itself": {"STACKHOLD_DATABASE_SLEEPS"},
    "it is set while a key is replaced": {"STACKHOLD_UNWRAP_KEYS"},
    "the identity of the app takes their place": {"AZURE_STORAGE_KEY", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"},
    "the template makes the database and its user": {
        "MYSQL_ROOT_USERNAME",
        "MYSQL_ROOT_PASSWORD",
        "MYSQL_ALLOW_EMPTY_PASSWORD",
        "SKIP_CREATE_DB_USER",
        "PULUMI_DATABASE_PING_ENDPOINT",
    },
    "the authorities that the platform trusts are those of Azure's MySQL": {"DATABASE_CA_CERTIFICATE"},
    "the pages are on the API's own host": {"PULUMI_CONSOLE_DOMAIN"},
    "how people sign in and who sends mail is each company's own": {
        setting.name for name in ("Sign-in", "Mail") for setting in SECTIONS[name]
    },
    "their defaults are right": {
        "STACKHOLD_TRUSTED_PROXIES",
        "STACKHOLD_BASE_PATH",
        *(setting.name for setting in SETTINGS if setting.kind is Kind.INTEGER and setting.default),
    }
    - {"STACKHOLD_THREADS"},
}
ROLES = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Delegator": "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
# What our code calls, the role that allows it, and the narrowest thing that the role can be given on.
CALLS = {
    ("common/ports/blobs/azure_blob.py", "upload_blob"): ("Storage Blob Data Contributor", "purposes"),
    ("common/ports/blobs/azure_blob.py", "download_blob"): ("Storage Blob Data Contributor", "purposes"),
    ("common/ports/blobs/azure_blob.py", "delete_blobs"): ("Storage Blob Data Contributor", "purposes"),
    ("common/ports/blobs/azure_blob.py", "list_blobs"): ("Storage Blob Data Contributor", "purposes"),
    ("common/ports/blobs/azure_blob.py", "get_user_delegation_key"): ("Storage Blob Delegator", "data"),
    ("common/ports/keys/azure_key_vault.py", "get_key"): ("Key Vault Crypto User", "key"),
    ("common/ports/keys/azure_key_vault.py", "send_request"): ("Key Vault Crypto User", "key"),
}


@cache
def parsed(name: str) -> dict[str, Any]:
    """A template as values."""
    found: Any = BicepParser().parse(text=(FOLDER / f"{name}.bicep").read_text("utf-8"))
    return dict(found)


@cache
def own_settings() -> dict[str, str]:
    """The settings of ours that the template gives the app, with sample values in the place of parameters."""
    samples = {
        "identityClientId": "00000000-0000-0000-0000-000000000001",
        "dataStorageName": "stackholdabc",
        "apiDomain": "api.example.com",
        "vaultUri": "https://kvabc.vault.azure.net/",
        "keyName": "master",
        "keyVersion": "",
        "databaseName": "stackhold",
        "databaseUser": "stackhold-abc",
        "databaseLogin": "entra",
        "bootstrapOrg": "acme",
        "${databaseHost}:3306": "db.example.com:3306",
        "blob.${environment().suffixes.storage}": "blob.core.windows.net",
    }
    declared = parsed("app")["variables"]["ownSettings"]["value"]
    return {name: samples.get(value, value) if isinstance(value, str) else "" for name, value in declared.items()}


def role_assignments(name: str) -> list[tuple[str, str]]:
    """The roles that a template gives, as (name of the role, what it is given on)."""
    template = parsed(name)
    names = {value: role for role, value in ROLES.items()}
    found = []
    for resource in template["resources"].values():
        if resource["type"] == "Microsoft.Authorization/roleAssignments":
            config = resource["config"].get("config", resource["config"])
            assert "ServicePrincipal" == config["properties"]["principalType"]
            role = config["properties"]["roleDefinitionId"]["function"]["parameters"]["resource_name_1"]
            found.append((names[_looked_up(template, role)], _root(config["scope"])))
    return found


class TestSyntax:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
    def test_is_bicep(self, path: Path) -> None:
        """Two parsers that are strangers to each other read every template without an error."""
        tree = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language())).parse(path.read_bytes())

        assert not tree.root_node.has_error
        assert {"parameters", "resources"} <= set(parsed(path.stem))

    def test_of_the_parameters_file(self) -> None:
        """The parameters file sets parameters that there are, and leaves out none that must be given."""
        text = (FOLDER / "main.bicepparam").read_text("utf-8")
        given = set(re.findall(r"^param (\w+) =", text, re.MULTILINE))
        declared = parsed("main")["parameters"]

        assert given <= set(declared)
        assert {name for name, parameter in declared.items() if parameter["default"] is None} <= given
        assert text.startswith("using 'main.bicep'\n")


class TestModules:
    @pytest.mark.parametrize("name", sorted(parsed("main")["modules"]))
    def test_get_what_they_declare(self, name: str) -> None:
        """A module is given all of its parameters and no others, and every output that is asked of it exists."""
        module = parsed("main")["modules"][name]
        part = parsed(module["detail"]["path"].removesuffix(".bicep"))
        source = (FOLDER / "main.bicep").read_text("utf-8")

        assert set(part["parameters"]) == set(module["config"]["params"])
        assert set(re.findall(rf"\b{name}\.outputs\.(\w+)", source)) <= set(part["outputs"])

    def test_are_all_used(self) -> None:
        """No template lies about."""
        used = {module["detail"]["path"] for module in parsed("main")["modules"].values()}

        assert {path.name for path in FILES} == used | {"main.bicep"}

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
    def test_use_their_parameters(self, path: Path) -> None:
        """A parameter that nothing reads is a mistake."""
        source = path.read_text("utf-8")

        assert [] == [name for name in parsed(path.stem)["parameters"] if len(re.findall(rf"\b{name}\b", source)) < 2]


class TestSettings:
    def test_are_all_given_or_left_out_for_a_reason(self) -> None:
        """Every setting that the code reads is one of the app's, or in the list of those that are not, and not in both."""
        used = {setting.name for setting in SETTINGS if setting.status is Status.USED}
        left_out = set().union(*LEFT_OUT.values())

        assert used == set(own_settings()) | left_out
        assert set() == set(own_settings()) & left_out

    def test_are_accepted_by_the_program(self) -> None:
        """The app starts with them: they contradict nothing, keep nothing on the instance, and none is said to be needless."""
        settings = Settings(own_settings())
        make_plan(settings)
        require_remote(settings)

        assert [] == notices(own_settings())

    def test_hold_no_secret(self) -> None:
        """Secrets are references to the vault, and no key of a service is asked for anywhere."""
        secret = {setting.name for setting in SETTINGS if setting.kind == "secret"}
        source = (FOLDER / "app.bicep").read_text("utf-8")

        for name in secret & set(own_settings()):
            assert re.search(rf"{name}: .*'@Microsoft\.KeyVault\(SecretUri=", source)
        assert [] == [
            path.name for path in FILES if re.search(r"list(Keys|Secrets|AccountSas|ServiceSas)\b", path.read_text("utf-8"))
        ]

    def test_refer_to_the_newest_version_of_a_secret(self) -> None:
        """A reference with a version would stay with it: the platform looks for newer ones only where none is named."""
        references = re.findall(r"@Microsoft\.KeyVault\(SecretUri=\$\{(\w+)\}\)", (FOLDER / "app.bicep").read_text("utf-8"))
        main, vault = ((FOLDER / f"{name}.bicep").read_text("utf-8") for name in ("main", "vault"))

        assert ["databasePasswordUri", "bootstrapTokenUri"] == references
        for name in references:
            assert f"{name}: vault.outputs.{name}" in main
            assert re.search(rf"^output {name} string = \w+\.properties\.secretUri$", vault, re.MULTILINE)

    def test_are_all_in_one_place(self) -> None:
        """Every setting is one of the app's own: a change of any starts the app's processes again, so none stays old."""
        source = (FOLDER / "app.bicep").read_text("utf-8")

        assert "properties: union(platformSettings, ownSettings, extraSettings)" in source
        assert 1 == source.count("name: 'appsettings'")
        assert "appSettings:" not in source
        assert "slotConfigNames" not in source

    def test_name_containers_that_there_are(self) -> None:
        """Each purpose has a container of its own, and the template makes it."""
        addresses = [own_settings()[purpose.name] for purpose in (CHECKPOINTS, POLICY_PACKS, BATCHES, METADATA)]

        assert [f"azblob://{name}" for name in parsed("storage")["variables"]["containers"]["value"]] == addresses

    def test_keep_the_host_quiet(self) -> None:
        """The platform's own page is off, and it keeps its state by identity as well."""
        platform = parsed("app")["variables"]["platformSettings"]["value"]

        assert "true" == platform["AzureWebJobsDisableHomepage"]
        assert "managedidentity" == platform["AzureWebJobsStorage__credential"]
        assert "AzureWebJobsStorage" not in platform


class TestRoles:
    def test_allow_what_the_code_calls(self) -> None:
        """For each call of a service that our drivers make there is a role, on the narrowest thing that it can be given on."""
        given = {*role_assignments("storage"), *role_assignments("vault")}

        assert {role for role in CALLS.values() if role not in given} == set()
        for path, call in CALLS:
            assert re.search(rf"\.{call}\(", (ROOT / path).read_text("utf-8")), (path, call)

    def test_are_no_more_than_that(self) -> None:
        """The other roles are those of the platform: its own store, the secrets that settings refer to, and metrics."""
        given = {*role_assignments("storage"), *role_assignments("vault"), *role_assignments("app")}

        assert {
            ("Storage Blob Data Owner", "host"),
            ("Key Vault Secrets User", "token"),
            ("Key Vault Secrets User", "password"),
            ("Key Vault Secrets User", "further"),
            ("Monitoring Metrics Publisher", "insights"),
        } == given - set(CALLS.values())

    def test_know_every_call_of_the_drivers(self) -> None:
        """A call that a driver learns to make is entered in the list above, with its role."""
        made = set()
        for path in {path for path, _ in CALLS}:
            source = (ROOT / path).read_text("utf-8")
            made |= {(path, call) for call in re.findall(r"(?:_client\(\)|_opened\(\)|client)\.([a-z_]+)\(", source)}

        assert made - set(CALLS) <= {
            ("common/ports/blobs/azure_blob.py", call) for call in ("get_blob_client", "get_container_client")
        }


class TestSafety:
    @pytest.mark.parametrize("account", ["host", "data"])
    def test_of_the_storage_accounts(self, account: str) -> None:
        """No shared keys, nothing public, TLS only."""
        properties = parsed("storage")["resources"][account]["config"]["properties"]

        assert (False, False, True, "TLS1_2") == (
            properties["allowSharedKeyAccess"],
            properties["allowBlobPublicAccess"],
            properties["supportsHttpsTrafficOnly"],
            properties["minimumTlsVersion"],
        )

    def test_of_the_data(self) -> None:
        """Documents and vault are reached from the app's subnet and the operators' addresses alone."""
        for template, resource in (("storage", "data"), ("vault", "vault")):
            rules = parsed(template)["resources"][resource]["config"]["properties"]["networkAcls"]
            assert "Deny" == rules["defaultAction"]
            assert [{"id": "appSubnetId"}] == rules["virtualNetworkRules"]

    def test_of_the_key(self) -> None:
        """The key can do what a start checks for, is an RSA key, and cannot be purged."""
        key = parsed("vault")["resources"]["key"]["config"]["properties"]
        vault = parsed("vault")["resources"]["vault"]["config"]["properties"]

        assert ("RSA", 2048) == (key["kty"], key["keySize"])
        assert {"encrypt", "decrypt", "wrapKey", "unwrapKey"} == set(key["keyOps"])
        assert vault["enableRbacAuthorization"]
        assert vault["enablePurgeProtection"]

    def test_of_the_database(self) -> None:
        """The server has no public address, insists on TLS, and lets the app's identity in where that is chosen."""
        resources = parsed("database")["resources"]
        network = resources["server"]["config"]["properties"]["network"]

        assert {"delegatedSubnetResourceId", "privateDnsZoneResourceId"} == set(network)
        assert "ON" == resources["requiresTls"]["config"]["properties"]["value"]
        administrator = resources["appIsAdministrator"]["config"]
        assert "byEntra" in str(administrator)
        assert "appIdentityClientId" in str(administrator)

    def test_of_values_that_stay_the_same(self) -> None:
        """A deployment that changes nothing changes nothing: no value is made anew each time, a password least of all."""
        for path in FILES:
            assert [] == re.findall(r"\b(?:newGuid|utcNow)\(", path.read_text("utf-8")), path.name
        assert parsed("main")["parameters"]["databasePassword"]["default"] is None

    def test_of_secret_parameters(self) -> None:
        """What is secret is declared so, and ends up in no record of a deployment."""
        for path in FILES:
            for name, parameter in parsed(path.stem)["parameters"].items():
                if re.search(r"(token|password|extraSettings)$", name, re.IGNORECASE):
                    assert "secure" in {decorator["type"] for decorator in parameter["decorators"]}, (path.name, name)


class TestApp:
    def test_runs_the_python_that_the_package_is_for(self) -> None:
        """Package, template and tests agree on the version, and on how many requests come at once."""
        config = parsed("app")["resources"]["app"]["config"]["properties"]["functionAppConfig"]

        assert {"name": "python", "version": PYTHON_VERSION} == config["runtime"]
        assert 16 == config["scaleAndConcurrency"]["triggers"]["http"]["perInstanceConcurrency"]

    def test_is_reached_by_https_alone(self) -> None:
        """Plain HTTP, FTP and passwords of the platform are off."""
        resources = parsed("app")["resources"]

        assert resources["app"]["config"]["properties"]["httpsOnly"]
        assert {"allow": False} == resources["noFtp"]["config"]["properties"] == resources["noBasic"]["config"]["properties"]


def _looked_up(template: dict[str, Any], role: Any) -> str:
    """The value of a variable, or of a member of one."""
    if isinstance(role, str):
        return str(template["variables"][role]["value"])
    operands = role["operator"]["operands"]
    return str(template["variables"][operands["operand_1"]]["value"][operands["operand_2"]])


def _root(scope: Any) -> str:
    """The resource that a scope names, whatever part of it."""
    return scope if isinstance(scope, str) else str(scope["operator"]["operands"]["operand_1"])
