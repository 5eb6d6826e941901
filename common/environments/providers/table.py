"""The table of contents of the providers and rotators.

To add one, write a module in this package, or in `rotators`, with a class that has the protocol of `language.interfaces`, and
add a line here. The class takes an `Access`, and one object serves all calls of an evaluation. Its module is imported when a
definition or a client first names it. One that this installation cannot open stays listed, so that checks know its schemas, and
raises WorldError when it is opened.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Generic, TypeVar

from common.environments.language.interfaces import Provider, Rotator, WorldError
from common.environments.providers.base import Access

_Kind = TypeVar("_Kind", Provider, Rotator)


@dataclass(frozen=True, slots=True)
class Entry(Generic[_Kind]):
    """A provider or a rotator: its name in definitions, its description for people, and its class as `module:Class`."""

    name: str
    description: str
    place: str
    package: str = "providers"

    def make(self, access: Access) -> _Kind:
        """Return the provider or rotator for one caller."""
        module, _, name = self.place.partition(":")
        made: Callable[[Access], _Kind] = getattr(import_module(f"common.environments.{self.package}.{module}"), name)
        return made(access)


PROVIDERS: tuple[Entry[Provider], ...] = (
    Entry("1password-secrets", "Reads secrets of 1Password, by a Connect server.", "one_password:OnePasswordSecrets"),
    Entry("aws-login", "Logs in to AWS with an access key, or with an identity token.", "aws_login:AwsLogin"),
    Entry("aws-parameter-store", "Reads parameters of AWS Systems Manager.", "aws_parameter_store:AwsParameterStore"),
    Entry("aws-secrets", "Reads secrets of AWS Secrets Manager.", "aws_secrets:AwsSecrets"),
    Entry("azure-login", "Logs in to Azure with a client secret, or with an identity token.", "azure_login:AzureLogin"),
    Entry("azure-secrets", "Reads secrets of Azure Key Vault.", "azure_secrets:AzureSecrets"),
    Entry("debug-oidc-claims", "Shows the claims of identity tokens, without signing one.", "oidc:DebugOidcClaims"),
    Entry("doppler-login", "Logs in to Doppler with an identity token.", "doppler:DopplerLogin"),
    Entry("doppler-secrets", "Reads secrets of Doppler.", "doppler:DopplerSecrets"),
    Entry("external", "Asks a service of your own.", "external:External"),
    Entry("gcp-login", "Logs in to Google Cloud with an access token, or with an identity token.", "gcp_login:GcpLogin"),
    Entry("gcp-secrets", "Reads secrets of Google Cloud Secret Manager.", "gcp_secrets:GcpSecrets"),
    Entry("gh-login", "Logs in to GitHub as a GitHub App.", "github:GitHubLogin"),
    Entry("infisical-login", "Logs in to Infisical with a client secret, or with an identity token.", "infisical:InfisicalLogin"),
    Entry("infisical-secrets", "Reads secrets of Infisical.", "infisical:InfisicalSecrets"),
    Entry("oidc", "Signs an identity token for an audience of your choice.", "oidc:Oidc"),
    Entry("pulumi-stacks", "Reads the outputs of stacks.", "pulumi_stacks:PulumiStacks"),
    Entry("snowflake-login", "Logs in to Snowflake with an identity token.", "snowflake_login:SnowflakeLogin"),
    Entry("terraform-state", "Reads the outputs in a state of Terraform.", "terraform_state:TerraformState"),
    Entry("vault-login", "Logs in to HashiCorp Vault with a token, or with an identity token.", "vault:VaultLogin"),
    Entry("vault-secrets", "Reads secrets of HashiCorp Vault.", "vault:VaultSecrets"),
)
ROTATORS: tuple[Entry[Rotator], ...] = (
    Entry("aws-iam", "Rotates the access key of a user of AWS.", "aws_iam:AwsIam", "rotators"),
    Entry("azure-app-secret", "Rotates the client secret of an app of Azure.", "azure_app_secret:AzureAppSecret", "rotators"),
    Entry("external", "Asks a service of your own for a new secret.", "external:ExternalRotator", "rotators"),
    Entry("mysql", "Rotates the passwords of two users of MySQL.", "mysql:MySQLUsers", "rotators"),
    Entry("passphrase", "Makes a new passphrase.", "passphrase:Passphrase", "rotators"),
    Entry("password", "Makes a new password.", "password:Password", "rotators"),
    Entry("postgres", "Rotates the passwords of two users of PostgreSQL.", "postgres:PostgresUsers", "rotators"),
    Entry(
        "snowflake-user",
        "Rotates a key of Snowflake; not available on this server.",
        "unavailable:SnowflakeUser",
        "rotators",
    ),
)


def find(entries: Iterable[Entry[_Kind]], name: str) -> Entry[_Kind] | None:
    """Return the entry with a name, or None."""
    return next((entry for entry in entries if entry.name == name), None)


class Providers:
    """Finds providers and rotators for one caller: the `ProviderLoader` of one evaluation."""

    def __init__(
        self,
        access: Access,
        providers: tuple[Entry[Provider], ...] = PROVIDERS,
        rotators: tuple[Entry[Rotator], ...] = ROTATORS,
    ) -> None:
        """Use the tables, or others for a test."""
        self._access = access
        self._providers = providers
        self._rotators = rotators
        self._made: dict[str, Provider] = {}

    def load_provider(self, name: str) -> Provider:
        """Return a provider, the same one for each call; raises WorldError for an unknown name."""
        entry = find(self._providers, name)
        if entry is None:
            raise WorldError(f'unknown provider "{name}"')
        if name not in self._made:
            self._made[name] = entry.make(self._access)
        return self._made[name]

    def load_rotator(self, name: str) -> Rotator:
        """Return a rotator; raises WorldError for an unknown name."""
        entry = find(self._rotators, name)
        if entry is None:
            raise WorldError(f'unknown rotator "{name}"')
        return entry.make(self._access)
