"""Settings that mean nothing without others: a group that is given by half is refused, or warned of.

Refused is what only this program reads. Names that other programs on the same machine read as well are warned of.
"""

from collections.abc import Collection
from dataclasses import dataclass

from common.config.settings import Settings
from common.core.errors import StartUpError

DATABASE = "PULUMI_DATABASE_ENDPOINT"
_ORIGINAL_DATABASE = f"{DATABASE} (the original's default is pulumi-db:3306; here it must be given)"


@dataclass(frozen=True, slots=True)
class Group:
    """Settings of which each needs all of the others named in `needs`."""

    names: tuple[str, ...]
    needs: tuple[str, ...]
    is_refused: bool = True
    # What to say in place of the name of the setting that is missing.
    hint: str = ""


GROUPS = (
    Group(
        (
            "PULUMI_DATABASE_USER_NAME",
            "PULUMI_DATABASE_USER_PASSWORD",
            "PULUMI_DATABASE_NAME",
            "PULUMI_DATABASE_PING_ENDPOINT",
            "STACKHOLD_DATABASE_LOGIN",
            "DATABASE_CA_CERTIFICATE",
            "DATABASE_MIN_TLS_VERSION",
        ),
        (DATABASE,),
        hint=_ORIGINAL_DATABASE,
    ),
    Group(
        ("MYSQL_ROOT_PASSWORD", "MYSQL_ROOT_USERNAME", "MYSQL_ALLOW_EMPTY_PASSWORD", "SKIP_CREATE_DB_USER"),
        (DATABASE,),
        is_refused=False,
    ),
    Group(("PULUMI_AZURE_KV_URI",), ("PULUMI_AZURE_KV_KEY_NAME",)),
    Group(("PULUMI_AZURE_KV_KEY_NAME", "PULUMI_AZURE_KV_KEY_VERSION"), ("PULUMI_AZURE_KV_URI",)),
    Group(("API_TLS_CERTIFICATE", "API_MIN_TLS_VERSION"), ("API_TLS_PRIVATE_KEY",)),
    Group(("API_TLS_PRIVATE_KEY", "API_MIN_TLS_VERSION"), ("API_TLS_CERTIFICATE",)),
    Group(("SAML_CERTIFICATE_PUBLIC_KEY",), ("SAML_CERTIFICATE_PRIVATE_KEY",)),
    Group(("SAML_CERTIFICATE_PRIVATE_KEY",), ("SAML_CERTIFICATE_PUBLIC_KEY",)),
    Group(("RECAPTCHA_SECRET_KEY",), ("RECAPTCHA_SITE_KEY",)),
    Group(("RECAPTCHA_SITE_KEY",), ("RECAPTCHA_SECRET_KEY",)),
    Group(("GITLAB_OAUTH_ID",), ("GITLAB_OAUTH_SECRET",)),
    Group(("GITLAB_OAUTH_SECRET",), ("GITLAB_OAUTH_ID",)),
    Group(("GITHUB_OAUTH_ID",), ("GITHUB_OAUTH_SECRET",)),
    Group(("GITHUB_OAUTH_SECRET",), ("GITHUB_OAUTH_ID",)),
    # The original's installers pass these two whether people sign in that way or not.
    Group(("GITLAB_OAUTH_ENDPOINT",), ("GITLAB_OAUTH_ID",), is_refused=False),
    Group(("GITHUB_OAUTH_ENDPOINT",), ("GITHUB_OAUTH_ID",), is_refused=False),
    Group(("STACKHOLD_OIDC_ISSUER",), ("STACKHOLD_OIDC_CLIENT_ID",)),
    Group(
        (
            "STACKHOLD_OIDC_CLIENT_ID",
            "STACKHOLD_OIDC_CLIENT_SECRET",
            "STACKHOLD_OIDC_NAME",
            "STACKHOLD_OIDC_SCOPES",
            "STACKHOLD_OIDC_ALLOWED_DOMAINS",
            "STACKHOLD_OIDC_GROUPS_CLAIM",
            "STACKHOLD_OIDC_ALLOWED_GROUPS",
            "STACKHOLD_OIDC_GROUP_TEAMS",
        ),
        ("STACKHOLD_OIDC_ISSUER",),
    ),
    Group(("SMTP_SERVER",), ("SMTP_GENERIC_SENDER",)),
    Group(("SMTP_USERNAME", "SMTP_PASSWORD", "SMTP_GENERIC_SENDER", "STACKHOLD_SMTP_TLS"), ("SMTP_SERVER",)),
    Group(("SMTP_PASSWORD",), ("SMTP_USERNAME",)),
    Group(("SMTP_USERNAME",), ("SMTP_PASSWORD",)),
    Group(("AWS_ACCESS_KEY_ID",), ("AWS_SECRET_ACCESS_KEY",), is_refused=False),
    Group(("AWS_SECRET_ACCESS_KEY",), ("AWS_ACCESS_KEY_ID",), is_refused=False),
    Group(("AZURE_STORAGE_KEY",), ("AZURE_STORAGE_ACCOUNT",), is_refused=False),
    Group(("AZURE_CLIENT_SECRET",), ("AZURE_CLIENT_ID", "AZURE_TENANT_ID"), is_refused=False),
)


def require_groups(settings: Settings) -> None:
    """Raise StartUpError for the first setting that is given without those it needs."""
    for line in _incomplete(set(settings.as_env()), is_refused=True):
        raise StartUpError(line)


def incomplete_groups(names: Collection[str]) -> list[str]:
    """Return a line for each setting that has no effect because others are missing, but keeps nothing from starting."""
    return [f"{line}, which has no effect otherwise" for line in _incomplete(names, is_refused=False)]


def _incomplete(names: Collection[str], *, is_refused: bool) -> list[str]:
    return [
        f"{group.hint or missing} must be set with {name}"
        for group in GROUPS
        if group.is_refused is is_refused
        for name in group.names
        if name in names
        for missing in group.needs
        if missing not in names
    ]
