"""Settings of the product whose place this program takes that are accepted and have no effect here.

A start says so in one line for each that is set.
"""

from typing import Any

from common.config.setting import Kind, Setting, Status, TextSetting


def later(name: str, kind: Kind, meaning: str, *, default: str = "") -> Setting[Any]:
    """Declare a setting that a later release is going to use."""
    return TextSetting(name, kind, default, meaning, Status.LATER)


def ignored(name: str, reason: str) -> Setting[Any]:
    """Declare a setting that is not needed."""
    kind = Kind.SECRET if name.endswith(("_KEY", "_PASSWORD", "*")) else Kind.TEXT
    return TextSetting(name, kind, "", reason, Status.IGNORED)


LATER: tuple[Setting[Any], ...] = ()

IGNORED: tuple[Setting[Any], ...] = (
    ignored("PULUMI_LICENSE_KEY", "no licence is needed"),
    ignored("PULUMI_ENTERPRISE", "there is one edition"),
    ignored("RUN_MIGRATIONS_EXTERNALLY", "`stackhold migrate` works on the configured database, wherever that runs"),
    ignored("MIGRATIONS_DIR", "migrations are part of the program"),
    ignored("PULUMI_LOCAL_DATABASE_NAME", "there is no database container; PULUMI_DATABASE_NAME counts"),
    ignored("PULUMI_LOCAL_DATABASE_PORT", "there is no database container; PULUMI_DATABASE_ENDPOINT counts"),
    ignored("PULUMI_SEARCH_DOMAIN", "search uses the database"),
    ignored("PULUMI_SEARCH_USER", "search uses the database"),
    ignored("PULUMI_SEARCH_PASSWORD", "search uses the database"),
    ignored("PULUMI_ENGINE_EVENTS_SCHEMA_V2", "events are stored in one way only"),
    ignored("ENGINE_EVENTS_LEGACY_WRITE", "events are stored in one way only"),
    ignored("PULUMI_SHARED_DOMAIN_ROOT", "console and API share one origin"),
    ignored("PULUMI_DISABLE_ESC_SSRF_PROTECTION", "this protection cannot be switched off as a whole"),
    ignored("AZURE_SUBSCRIPTION_ID", "no call names a subscription"),
    ignored("PULUMI_SNS_*", "nothing is sent to SNS"),
    ignored("SLACK_*", "there is no Slack application; a webhook does the same"),
    ignored("MANDRILL_*", "mail goes through SMTP_SERVER"),
    ignored("SEGMENT_*", "nothing is reported"),
    ignored("PULUMI_API", "the console is part of this server; set PULUMI_API_DOMAIN for both"),
    ignored("PULUMI_API_INTERNAL_ENDPOINT", "the console is part of this server"),
    ignored("PULUMI_HOMEPAGE_DOMAIN", "the console has no separate home page; set PULUMI_CONSOLE_DOMAIN"),
    ignored("PULUMI_ROOT_DOMAIN", "cookies are not shared with other domains"),
    ignored("PULUMI_DATA_PATH", "set STACKHOLD_DATA to the data folder"),
    ignored("SAML_SSO_ENABLED", "each organization sets up its own SAML provider"),
    ignored("GITHUB_API_ENDPOINT", "set GITHUB_OAUTH_ENDPOINT to the address of GitHub's API"),
    ignored("GITLAB_API_ENDPOINT", "set GITLAB_OAUTH_ENDPOINT to the address of GitLab"),
    ignored("AG_GRID_LICENSE_KEY", "the console has no licensed part"),
)
