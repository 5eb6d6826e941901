"""Settings that name a secret instead of holding it: AWS Secrets Manager, AWS Systems Manager, Azure Key Vault.

Each is read at the start, and on function hosts again from time to time. A reference that cannot be read stops the start: it
is never taken for the secret itself.
Recognised are the forms in which the clouds' own services write references:

    arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME[:JSON-KEY:VERSION-STAGE:VERSION-ID]
    arn:aws:ssm:REGION:ACCOUNT:parameter/NAME
    https://VAULT.vault.azure.net/secrets/NAME[/VERSION]
    @Microsoft.KeyVault(SecretUri=…)   @Microsoft.KeyVault(VaultName=…;SecretName=…[;SecretVersion=…])
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from common.config.sdk import require_sdk
from common.config.setting import Kind, Setting
from common.config.settings import SETTINGS, Settings
from common.core.errors import StartUpError
from common.ports.aws import Access, ask

_SECRET_ARN = re.compile(r"(arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):\d{12}:secret:[^:]+)(?::([^:]*):([^:]*):([^:]*))?")
_PARAMETER_ARN = re.compile(r"arn:aws[a-z-]*:ssm:([a-z0-9-]+):\d{12}:parameter/\S+")
_VAULT_SECRET = re.compile(r"(https://[A-Za-z0-9.-]+(?::\d{1,5})?)/secrets/([A-Za-z0-9-]{1,127})(?:/([A-Za-z0-9]{1,64}))?/?")
_APP_SERVICE = re.compile(r"@Microsoft\.KeyVault\((.*)\)")
_PERMISSIONS = {"secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameter"}
# The SDKs read these from the environment themselves, before any secret can be read with them.
_NEEDED_TO_READ = (Settings.aws_secret_access_key, Settings.azure_client_secret)
_UNRESOLVED = ("arn:aws", "@Microsoft.KeyVault(", "{{resolve:")


class Reference(Protocol):
    """Where a secret is kept."""

    def read(self, setting: str, role_arn: str) -> str:
        """Return the secret, on AWS in a role if one is named; raises StartUpError with setting, secret and what to do."""
        ...


def resolved(values: Mapping[str, str]) -> dict[str, str]:
    """Return values with each reference replaced by the secret it names, which is read once; raises StartUpError."""
    result = dict(values)
    secrets: dict[Reference, str] = {}
    for setting in SETTINGS:
        reference = find_reference(setting, values.get(setting.name, ""))
        if reference is not None:
            if reference not in secrets:
                secrets[reference] = reference.read(setting.name, values.get(Settings.aws_role_arn.name, ""))
            result[setting.name] = secrets[reference]
    return result


def find_reference(setting: Setting[Any], value: str) -> Reference | None:
    """Return what a setting's value refers to, None for a value that is meant as it is; raises StartUpError."""
    value = value.strip()
    reference = _parse(value)
    may_refer = setting.kind is Kind.SECRET or setting.is_pem
    if reference is None and may_refer and value.startswith(_UNRESOLVED):
        raise StartUpError(
            f"{setting.name} looks like a reference to a secret, but must be one of these: the ARN of a Secrets Manager secret or"
            " of a Systems Manager parameter, or the address of a Key Vault secret"
        )
    if reference is not None and setting in _NEEDED_TO_READ:
        raise StartUpError(f"{setting.name} must be the secret itself, not a reference: it is needed to read other secrets")
    return reference


@dataclass(frozen=True, slots=True)
class SecretsManagerSecret:
    """A secret of AWS Secrets Manager, or one value of the JSON object in it."""

    arn: str
    region: str
    json_key: str = ""
    version_stage: str = ""
    version_id: str = ""

    def read(self, setting: str, role_arn: str) -> str:
        """Return the secret."""
        version = {
            **({"VersionStage": self.version_stage} if self.version_stage else {}),
            **({"VersionId": self.version_id} if self.version_id else {}),
        }
        answer = _call_aws(
            setting, self.arn, Access(self.region, role_arn=role_arn), "get_secret_value", SecretId=self.arn, **version
        )
        text = str(answer.get("SecretString") or bytes(answer.get("SecretBinary", b"")).decode("utf-8", "replace"))
        return self._from_json(setting, text) if self.json_key else text

    def _from_json(self, setting: str, text: str) -> str:
        try:
            value = json.loads(text)[self.json_key]
        except (ValueError, KeyError, TypeError):
            raise StartUpError(f"{setting}: the secret {self.arn} is not a JSON object with the key {self.json_key}") from None
        return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of AWS Systems Manager."""

    arn: str
    region: str

    def read(self, setting: str, role_arn: str) -> str:
        """Return the parameter, decrypted."""
        answer = _call_aws(
            setting, self.arn, Access(self.region, role_arn=role_arn), "get_parameter", Name=self.arn, WithDecryption=True
        )
        return str(answer["Parameter"]["Value"])


@dataclass(frozen=True, slots=True)
class VaultSecret:
    """A secret of an Azure Key Vault, in its newest version unless one is named."""

    vault: str
    name: str
    version: str = ""

    def read(self, setting: str, role_arn: str) -> str:
        """Return the secret; the role is one of AWS."""
        del role_arn
        require_sdk(setting, "azure.keyvault.keys", "azure")
        from common.ports.keys.azure_key_vault import fetch  # noqa: PLC0415 - only what is configured is loaded

        try:
            answer = fetch(self.vault, "/".join(part for part in ("/secrets", self.name, self.version) if part))
        except StartUpError as error:
            raise StartUpError(
                f"{setting}: the secret {self.name} of Key Vault {self.vault} cannot be read ({error}): it must exist and be"
                " enabled, and this program's identity needs the secret permission Get (or the role Key Vault Secrets User)"
            ) from error
        return str(answer["value"])


def _parse(value: str) -> Reference | None:
    if match := _SECRET_ARN.fullmatch(value):
        arn, region, *rest = (part or "" for part in match.groups())
        return SecretsManagerSecret(arn, region, *rest)
    if match := _PARAMETER_ARN.fullmatch(value):
        return Parameter(value, match[1])
    if match := _APP_SERVICE.fullmatch(value):
        return _parse_app_service(match[1])
    if match := _VAULT_SECRET.fullmatch(value):
        return VaultSecret(match[1], match[2], match[3] or "")
    return None


def _parse_app_service(text: str) -> Reference | None:
    """Return what a reference of Azure App Service names; it is still there when the platform could not read the secret."""
    parts = {name.strip().lower(): value.strip() for name, _, value in (part.partition("=") for part in text.split(";"))}
    vault, name, version = parts.get("vaultname"), parts.get("secretname"), parts.get("secretversion", "")
    address = parts.get("secreturi") or (f"https://{vault}.vault.azure.net/secrets/{name}/{version}" if vault and name else "")
    return _parse(address) if address.startswith("https://") else None


def _call_aws(setting: str, arn: str, access: Access, operation: str, **arguments: object) -> dict[str, Any]:
    require_sdk(setting, "botocore", "aws")
    service = arn.split(":")[2]
    try:
        return ask(service, access, operation, **arguments)
    except StartUpError as error:
        raise StartUpError(
            f"{setting}: {arn} cannot be read ({error}): it must exist, and this program's role needs"
            f" {_PERMISSIONS[service]} and kms:Decrypt with the key that encrypts it"
        ) from error
