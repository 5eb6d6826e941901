"""Settings that mean nothing without others: a group that is given by half is refused, or warned of.

Refused is what only this program reads. Names that other programs on the same machine read as well are warned of.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from common.config.setting import Setting
from common.config.settings import Settings
from common.core.errors import StartUpError

_DATABASE = Settings.database_endpoint
_ORIGINAL_DATABASE = f"{_DATABASE} (the original's default is pulumi-db:3306; here it must be set)"


@dataclass(frozen=True, slots=True)
class Group:
    """Settings of which each needs all of those in `needs`."""

    settings: tuple[Setting[Any], ...]
    needs: tuple[Setting[Any], ...]
    is_refused: bool = True
    # What to say in place of the name of the setting that is missing.
    hint: str = ""


GROUPS = (
    Group(
        (
            Settings.database_user_name,
            Settings.database_user_password,
            Settings.database_name,
            Settings.database_ping_endpoint,
            Settings.database_login,
            Settings.database_ca_certificate,
            Settings.database_min_tls_version,
        ),
        (_DATABASE,),
        hint=_ORIGINAL_DATABASE,
    ),
    Group(
        (
            Settings.mysql_root_password,
            Settings.mysql_root_username,
            Settings.mysql_allow_empty_password,
            Settings.skip_create_db_user,
        ),
        (_DATABASE,),
        is_refused=False,
    ),
    Group((Settings.azure_kv_uri,), (Settings.azure_kv_key_name,)),
    Group((Settings.azure_kv_key_name, Settings.azure_kv_key_version), (Settings.azure_kv_uri,)),
    Group((Settings.api_tls_certificate, Settings.api_min_tls_version), (Settings.api_tls_private_key,)),
    Group((Settings.api_tls_private_key, Settings.api_min_tls_version), (Settings.api_tls_certificate,)),
    Group((Settings.saml_certificate_public_key,), (Settings.saml_certificate_private_key,)),
    Group((Settings.saml_certificate_private_key,), (Settings.saml_certificate_public_key,)),
    Group((Settings.recaptcha_secret_key,), (Settings.recaptcha_site_key,)),
    Group((Settings.recaptcha_site_key,), (Settings.recaptcha_secret_key,)),
    Group((Settings.gitlab_oauth_id,), (Settings.gitlab_oauth_secret,)),
    Group((Settings.gitlab_oauth_secret,), (Settings.gitlab_oauth_id,)),
    Group((Settings.github_oauth_id,), (Settings.github_oauth_secret,)),
    Group((Settings.github_oauth_secret,), (Settings.github_oauth_id,)),
    # The original's installers pass these two whether people sign in that way or not.
    Group((Settings.gitlab_oauth_endpoint,), (Settings.gitlab_oauth_id,), is_refused=False),
    Group((Settings.github_oauth_endpoint,), (Settings.github_oauth_id,), is_refused=False),
    Group((Settings.oidc_issuer,), (Settings.oidc_client_id,)),
    Group(
        (
            Settings.oidc_client_id,
            Settings.oidc_client_secret,
            Settings.oidc_name,
            Settings.oidc_scopes,
            Settings.oidc_allowed_domains,
            Settings.oidc_groups_claim,
            Settings.oidc_allowed_groups,
            Settings.oidc_group_teams,
        ),
        (Settings.oidc_issuer,),
    ),
    Group((Settings.smtp_server,), (Settings.smtp_generic_sender,)),
    Group(
        (Settings.smtp_username, Settings.smtp_password, Settings.smtp_generic_sender, Settings.smtp_tls), (Settings.smtp_server,)
    ),
    Group((Settings.smtp_password,), (Settings.smtp_username,)),
    Group((Settings.smtp_username,), (Settings.smtp_password,)),
    Group((Settings.aws_access_key_id,), (Settings.aws_secret_access_key,), is_refused=False),
    Group((Settings.aws_secret_access_key,), (Settings.aws_access_key_id,), is_refused=False),
    Group((Settings.azure_storage_key,), (Settings.azure_storage_account,), is_refused=False),
    Group((Settings.azure_client_secret,), (Settings.azure_client_id, Settings.azure_tenant_id), is_refused=False),
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
        f"{group.hint or missing} must be set with {setting}"
        for group in GROUPS
        if group.is_refused is is_refused
        for setting in group.settings
        if setting.name in names
        for missing in group.needs
        if missing.name not in names
    ]
