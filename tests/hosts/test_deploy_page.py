"""docs/deploy-azure.md says what the templates do: every name, command and limit in it is held against them and the code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from common.config.setting import Status
from common.config.settings import SETTINGS
from tests.hosts.azure_app import ROOT
from tests.hosts.test_bicep import FOLDER, parsed
from tests.walkthrough import Page, amount, make_targets
from tools import package_azure

PAGE = Page(ROOT / "docs" / "deploy-azure.md")
SETTING_NAMES = {setting.name: setting for setting in SETTINGS}
PARAMETERS = parsed("main")["parameters"]
# Variables of the shell, and what only a deployment reads.
OF_THE_SHELL = {"APP", "URL", "MYSQL", "GRAPH", "KEY", "VAULT"}
OF_THE_DEPLOYMENT = {"STACKHOLD_BOOTSTRAP_TOKEN", "STACKHOLD_DATABASE_PASSWORD"}


def source(name: str) -> str:
    """Return the text of a template."""
    return (FOLDER / f"{name}.bicep").read_text("utf-8")


def deployments() -> list[str]:
    """Return the commands that deploy the templates."""
    return [command for command in PAGE.commands if "az deployment group create" in command]


def default(name: str) -> str:
    """Return the default of a parameter, or an empty text."""
    found = re.search(rf"^param {name} \w+ = (.*)$", source("main"), re.MULTILINE)
    return found[1].strip("'") if found else ""


class TestParameters:
    def test_that_are_set_exist(self) -> None:
        """Whatever the page sets is a parameter of the templates, of the right kind."""
        given = {(name, value) for name, value in PAGE.assignments(r"[a-z]\w*") if name not in ("role", "api-version", "version")}

        assert {"databaseLogin", "apiDomain", "migrateAtStart", "alwaysReady", "instanceMemoryMB", "extraSettings"} <= {
            name for name, _ in given
        }
        for name, value in given:
            assert name in PARAMETERS, name
            allowed = re.search(rf"@allowed\(\[([^\]]*)\]\)\nparam {name} ", source("main"))
            assert allowed is None or value.strip("'`") in allowed[1].replace("'", "").split(", "), (name, value)

    def test_come_from_variables_that_are_exported(self) -> None:
        """What the parameters file reads from the environment is what the page exports, in the same way as the file says."""
        text = (FOLDER / "main.bicepparam").read_text("utf-8")
        read = set(re.findall(r"readEnvironmentVariable\('(\w+)'\)", text))
        exported = [command for command in PAGE.commands if command.startswith("export ")]

        assert OF_THE_DEPLOYMENT == read == {command.split()[1].partition("=")[0] for command in exported}
        assert [] == [command for command in exported if f"//   {command}" not in text]

    def test_without_a_default_are_in_the_parameters_file(self) -> None:
        """The command of the first deployment is enough."""
        text = (FOLDER / "main.bicepparam").read_text("utf-8")

        assert [] == [name for name, one in PARAMETERS.items() if one["default"] is None and f"param {name} = " not in text]

    def test_deploy_the_files_that_there_are(self) -> None:
        """Each deployment names the same template, parameters and deployment."""
        assert 2 <= len(deployments())
        for command in deployments():
            assert "--resource-group stackhold --name stackhold" in command
            assert "--template-file azure/main.bicep --parameters azure/main.bicepparam" in command
        assert (FOLDER / "main.bicepparam").exists()


class TestNames:
    def test_of_outputs_exist(self) -> None:
        """Each output that a command asks for is one of the templates."""
        asked = set(re.findall(r"properties\.outputs\.(\w+)\.value", PAGE.text))

        assert {"appName", "apiUrl", "vaultName"} == asked
        assert asked <= set(parsed("main")["outputs"])

    def test_of_resources_are_those_of_the_templates(self) -> None:
        """The identity of the database, the key, the secrets and the records of the app are called so."""
        assert "$APP-mysql" in PAGE.text
        assert "name: '${name}-mysql'" in source("database")
        assert "name: appName" in source("main")
        for command, text in (("--name master", "name: 'master'"), ("`bootstrap-token`", "name: 'bootstrap-token'")):
            assert command in PAGE.text
            assert text in source("vault")
        assert "app-insights query --app $APP" in PAGE.text
        assert "resource insights 'Microsoft.Insights/components@2020-02-02' = {\n  name: name\n" in source("app")

    def test_of_functions_exist(self) -> None:
        """The timer that the page fires and describes is the app's."""
        text = (ROOT / "function_app.py").read_text("utf-8")

        assert {"jobs"} == set(re.findall(r"/admin/functions/(\w+)", PAGE.text))
        assert '@app.function_name("jobs")' in text
        assert 'schedule="0 * * * * *"' in text
        assert "The timer function `jobs` fires every minute." in PAGE.text

    def test_of_settings_exist(self) -> None:
        """Each setting that the page names is used by this release."""
        named = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", PAGE.text)) - OF_THE_DEPLOYMENT - {"PULUMI_ACCESS_TOKEN"}

        assert {"STACKHOLD_THREADS", "SMTP_PASSWORD"} <= named
        assert set() == named - set(SETTING_NAMES)
        assert [] == [name for name in named if SETTING_NAMES[name].status is not Status.USED]

    def test_of_files_exist(self) -> None:
        """Each path is that of a file, of the package that is built, or of the operator's own."""
        named = set(re.findall(r"(?<![\w$/.-])[\w/-]+\.(?:bicepparam|bicep|zip|txt|md|json)\b", PAGE.text))
        own = {"dist/stackhold-azure.zip", "smtp-password.txt"}

        assert own <= named
        assert [] == [name for name in named - own if not (ROOT / name).exists() and not (ROOT / "docs" / name).exists()]
        assert '"dist" / "stackhold-azure.zip"' in Path(package_azure.__file__).read_text("utf-8")

    def test_of_make_targets_exist(self) -> None:
        """Each target is in the Makefile."""
        assert {"docs", "package-azure"} == PAGE.make_targets
        assert set() == PAGE.make_targets - make_targets()


class TestCommands:
    def test_are_found(self) -> None:
        """The reading of the page sees its commands."""
        assert len(PAGE.commands) > 18

    def test_give_settings_as_json(self) -> None:
        """The example of further settings is JSON of settings, and refers to a secret that it also lets the app read."""
        (command,) = (command for command in deployments() if "extraSettings" in command)
        text = command.partition('extraSettings="')[2].rpartition('"')[0].replace('\\"', '"')
        settings: dict[str, Any] = json.loads(text)
        (reference,) = (value for value in settings.values() if value.startswith("@"))

        assert set(settings) <= set(SETTING_NAMES)
        assert "@Microsoft.KeyVault(VaultName=$VAULT;SecretName=smtp-password)" == reference
        assert "vaultSecrets='[\"smtp-password\"]'" in command
        assert any("secret set --vault-name $VAULT --name smtp-password" in one for one in PAGE.commands)

    @pytest.mark.parametrize("name", sorted({*re.findall(r"\$(\w+)", " ".join(PAGE.commands))} - {"role"}))
    def test_use_variables_that_are_set(self, name: str) -> None:
        """A command uses a variable that an earlier one has set."""
        text = "\n".join(PAGE.commands)
        used = re.search(rf"\${name}\b", text)
        made = re.search(rf"(?:^|\s)(?:export )?{name}=", text)

        assert used is not None
        assert made is not None
        assert made.start() < used.start()


class TestSentences:
    def test_of_limits(self) -> None:
        """Days, connections and requests are those of the templates."""
        assert "deleted ones can be had back for 14 days" in PAGE.text
        assert 2 == source("storage").count("days: 14")
        assert "The vault cannot be purged for 90 days" in PAGE.text
        assert "softDeleteRetentionInDays: 90" in source("vault")
        assert "(16 requests each)" in PAGE.text
        assert "perInstanceConcurrency: 16" in source("app")
        assert "`STACKHOLD_THREADS` + 2 connections (10 as deployed)" in PAGE.text
        assert "STACKHOLD_THREADS: '8'" in source("app")

    def test_of_machines(self) -> None:
        """What is paid for in the tables is what is made."""
        assert ("Standard_B1ms", "20", "2048") == (
            default("databaseSku"),
            default("databaseStorageGB"),
            default("instanceMemoryMB"),
        )
        assert "MySQL B1ms" in PAGE.text
        assert "Blob Storage (ZRS)" in PAGE.text
        assert "name: 'Standard_ZRS'" in source("storage")

    def test_of_money(self) -> None:
        """The rows that are one product have the result that they state."""
        for row in PAGE.table("**Idle**")[:2]:
            assert amount(row[1]) == pytest.approx(float(row[2]), abs=0.006)
