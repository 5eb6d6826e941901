"""Every setting in one table: parsing, the documentation page and the start-up checks all read it.

Names are those of the product whose place this program takes, with the same meaning, so that an existing installation's
configuration works unchanged; our own begin with STACKHOLD_. A value that is not of its kind stops the start.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from common.core.errors import StartUpError


class Kind(StrEnum):
    """What a setting's text must be."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "true or false"
    PATH = "path"
    SECRET = "secret"  # noqa: S105 - the name of a kind


class Status(StrEnum):
    """What this release does with a setting."""

    USED = "used"
    IGNORED = "not needed"
    LATER = "not used yet"


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable. An ignored one's `meaning` is the reason; a name that ends in `*` stands for a family."""

    name: str
    kind: Kind
    default: str
    meaning: str
    status: Status = Status.USED
    lowest: int = 0
    highest: int = 1 << 40
    is_pem: bool = False

    @property
    def is_many_lines(self) -> bool:
        """Tell whether a value may have line breaks."""
        return self.is_pem or self.kind is Kind.SECRET


_T, _I, _B, _P, _S = Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN, Kind.PATH, Kind.SECRET
_LATER = Status.LATER


def _needless(name: str, reason: str) -> Setting:
    kind = Kind.SECRET if name.endswith(("_KEY", "_PASSWORD", "*")) else Kind.TEXT
    return Setting(name, kind, "", reason, Status.IGNORED)


SECTIONS: dict[str, tuple[Setting, ...]] = {
    "Server": (
        Setting(
            "STACKHOLD_DATA",
            _P,
            ".stackhold",
            "Data folder: database, objects, key and first token. Unset: `.stackhold`"
            " in the working directory if it exists or in a checkout, else `stackhold` in the user's data folder"
            " (`XDG_DATA_HOME`, `~/.local/share`).",
        ),
        Setting("STACKHOLD_HOST", _T, "127.0.0.1", "Address to listen on."),
        Setting(
            "STACKHOLD_PORT", _I, "8080", "Port to listen on; 8443 with TLS when this is unset; 0: any free one.", highest=65535
        ),
        Setting("STACKHOLD_WORKERS", _I, "1", "Server processes.", lowest=1, highest=256),
        Setting(
            "STACKHOLD_THREADS",
            _I,
            "16",
            "Requests a process works on at once; also its limit of database connections.",
            lowest=1,
            highest=1024,
        ),
        Setting("STACKHOLD_TRUSTED_PROXIES", _T, "127.0.0.1", "Proxies whose X-Forwarded-For is believed; with commas."),
        Setting(
            "STACKHOLD_KEEP_ALIVE_SECONDS",
            _I,
            "120",
            "Seconds an idle connection stays open. Set it longer than a load balancer in front keeps idle connections.",
            lowest=1,
            highest=86_400,
        ),
        Setting(
            "STACKHOLD_HEADER_TIMEOUT_SECONDS",
            _I,
            "30",
            "Seconds within which a request's headers must arrive.",
            lowest=1,
            highest=3_600,
        ),
        Setting(
            "STACKHOLD_CONNECTIONS",
            _I,
            "8192",
            "Most open connections of a process; fewer if its limit of file descriptors is lower.",
            lowest=1,
        ),
        Setting(
            "STACKHOLD_CONNECTIONS_PER_ADDRESS",
            _I,
            "512",
            "Most open connections of one address, and at most half of all; trusted proxies have no such limit.",
            lowest=1,
        ),
        Setting(
            "STACKHOLD_BODY_LIMIT_BYTES",
            _I,
            str(256 << 20),
            "Largest request body with a state, after decompression; no other body may be larger.",
            lowest=1,
        ),
        Setting(
            "STACKHOLD_BATCH_LIMIT_BYTES",
            _I,
            str(64 << 20),
            "Largest batch of journal entries or events, after decompression; clients halve a larger one.",
            lowest=1,
        ),
        Setting(
            "STACKHOLD_UPDATE_LIMIT_BYTES",
            _I,
            str(512 << 20),
            "Largest journal of one update, and largest total of its"
            " events, after decompression; 256 bytes are added for each entry or event.",
            lowest=1,
        ),
        Setting("STACKHOLD_STACKS_PER_ORGANIZATION", _I, "10000", "Most stacks of an organization.", lowest=1),
        Setting("STACKHOLD_UPDATES_PER_DAY", _I, "5000", "Most updates and previews of one stack within 24 hours.", lowest=1),
        Setting("STACKHOLD_BATCH_ROW_LIMIT_BYTES", _I, str(256 << 10), "Larger journal or event batches go to the object store."),
        Setting(
            "STACKHOLD_SETTINGS_SECRETS",
            _T,
            "",
            "On AWS Lambda: secrets in Secrets Manager, separated by commas. Each is"
            " a JSON object of further settings. Settings in the environment take precedence.",
        ),
        Setting(
            "STACKHOLD_SETTINGS_SECONDS",
            _I,
            "120",
            "Seconds after which AWS Lambda and Azure Functions read secrets again.",
            lowest=1,
            highest=86400,
        ),
        Setting("PULUMI_API_CONTAINER_MODE", _T, "FULL", "FULL: requests and jobs; API: requests only; JOBS: jobs only."),
        Setting("PULUMI_API_DOMAIN", _T, "", "Public name of the API, `host[:port]`; the base of links."),
        Setting(
            "STACKHOLD_BASE_PATH",
            _T,
            "",
            "Path under which a proxy or a gateway publishes this server, such as"
            " `/pulumi`. It is removed from requests once; links, redirects and cookies begin with it.",
        ),
        Setting("PULUMI_CONSOLE_DOMAIN", _T, "", "Public name of the console, where invitations lead; unset: to the API's own."),
    ),
    "First start": (
        Setting("STACKHOLD_BOOTSTRAP_TOKEN", _S, "", "First administrator's access token: `pul-` and 40 hexadecimal digits."),
        Setting("STACKHOLD_BOOTSTRAP_ORG", _T, "", "Organization that the first start creates, beside the administrator's own."),
    ),
    "Database": (
        Setting("PULUMI_DATABASE_ENDPOINT", _T, "", "`host:port` of a MySQL 8 server; unset: SQLite in the data folder."),
        Setting("PULUMI_DATABASE_NAME", _T, "pulumi", "Database on that server."),
        Setting("PULUMI_DATABASE_USER_NAME", _T, "pulumi_service", "Database user."),
        Setting("PULUMI_DATABASE_USER_PASSWORD", _S, "", "Database user's password."),
        Setting(
            "STACKHOLD_DATABASE_LOGIN",
            _T,
            "password",
            "`password`, or a token over verified TLS instead: `aws-iam` for RDS, `entra` for Azure.",
        ),
        Setting(
            "DATABASE_CA_CERTIFICATE",
            _T,
            "",
            "Certificate authority of the MySQL server, for verified TLS: PEM text, base64 of it, or a path.",
            is_pem=True,
        ),
        Setting(
            "DATABASE_MIN_TLS_VERSION",
            _T,
            "1.2",
            "Lowest TLS version to MySQL, 1.2 or 1.3; an older one means 1.2."
            " Set without a certificate authority: verified TLS by those that this machine trusts.",
        ),
        Setting("STACKHOLD_MIGRATE_AT_START", _B, "true", "`false`: `serve` does not start before `stackhold migrate` has run."),
        Setting("PULUMI_DATABASE_PING_ENDPOINT", _T, "", "`host:port` that `migrate` polls until MySQL answers there."),
        Setting("MYSQL_ROOT_PASSWORD", _S, "", "With it `migrate` first creates the database and the database user."),
        Setting("MYSQL_ROOT_USERNAME", _T, "root", "User whose password that is."),
        Setting("MYSQL_ALLOW_EMPTY_PASSWORD", _B, "false", "`true`: the same without a password."),
        Setting("SKIP_CREATE_DB_USER", _B, "false", "`true`: `migrate` creates the database alone; the user is there already."),
    ),
    "Objects": (
        Setting("PULUMI_LOCAL_OBJECTS", _P, "", "Folder for stack states; unset: `objects` in the data folder."),
        Setting("PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT", _T, "", "`s3://bucket?…` or `azblob://container` for stack states."),
        Setting("PULUMI_ENGINE_EVENTS_BLOB_STORAGE_ENDPOINT", _T, "", "The same for large batches; unset: with the states."),
        Setting("PULUMI_POLICY_PACK_LOCAL_HTTP_OBJECTS", _P, "", "Folder for policy packs; none are stored yet."),
        Setting(
            "PULUMI_POLICY_PACK_BLOB_STORAGE_ENDPOINT",
            _T,
            "",
            "Bucket or container for policy packs, not the one for states; none are stored yet.",
        ),
        Setting("PULUMI_SERVICE_METADATA_BLOB_STORAGE_ENDPOINT", _T, "", "For configuration over 64 kB; unset: with the states."),
        Setting("AWS_REGION", _T, "", "AWS region; any valid name for other S3 stores."),
        Setting("AWS_PROFILE", _T, "", "Profile of the AWS configuration files; the SDK reads it."),
        Setting("AWS_ACCESS_KEY_ID", _T, "", "AWS access key; unset: what the SDK finds, such as the function's own role."),
        Setting("AWS_SECRET_ACCESS_KEY", _S, "", "Its secret."),
        Setting("AWS_ROLE_ARN", _T, "", "AWS role that is assumed with those credentials."),
        Setting("AZURE_STORAGE_ACCOUNT", _T, "", "Azure storage account."),
        Setting("AZURE_STORAGE_KEY", _S, "", "Its shared key; unset: the identity that this program runs as."),
        Setting("AZURE_STORAGE_DOMAIN", _T, "blob.core.windows.net", "Domain of the Azure storage account."),
        Setting("AZURE_CLIENT_ID", _T, "", "Azure managed identity or service principal; the SDK reads these three."),
        Setting("AZURE_CLIENT_SECRET", _S, "", "Secret of the service principal."),
        Setting("AZURE_TENANT_ID", _T, "", "Tenant of the service principal."),
    ),
    "Encryption": (
        Setting(
            "PULUMI_LOCAL_KEYS",
            _P,
            "",
            "Random 32-byte key: a file, or a folder that holds one; unset: `keys` in the data"
            " folder, where the first start makes it.",
        ),
        Setting("PULUMI_KMS_KEY", _T, "", "ARN of an AWS KMS key."),
        Setting("PULUMI_AZURE_KV_URI", _T, "", "Address of an Azure Key Vault."),
        Setting("PULUMI_AZURE_KV_KEY_NAME", _T, "", "Name of its RSA key."),
        Setting("PULUMI_AZURE_KV_KEY_VERSION", _T, "", "Version that encrypts; unset: the latest. Older ones must stay enabled."),
    ),
    "TLS": (
        Setting(
            "API_TLS_CERTIFICATE",
            _T,
            "",
            "Certificate with its chain, for HTTPS: a path, PEM text, or base64 of it.",
            is_pem=True,
        ),
        Setting("API_TLS_PRIVATE_KEY", _S, "", "Private key of the certificate: a path, PEM text, or base64 of it.", is_pem=True),
        Setting("API_MIN_TLS_VERSION", _T, "1.2", "Lowest TLS version, 1.2 or 1.3; an older one means 1.2."),
    ),
    "Clean-up": (
        Setting("STACKHOLD_JOURNAL_DAYS", _I, "7", "Days after which the journal of an update that has ended is dropped."),
        Setting("STACKHOLD_DELETED_STACK_DAYS", _I, "30", "Days after which what is left of a deleted stack is dropped."),
    ),
    "Sign-in": (
        Setting("PULUMI_DISABLE_EMAIL_LOGIN", _B, "false", "`true`: nobody signs in by address and password."),
        Setting(
            "PULUMI_DISABLE_EMAIL_SIGNUP",
            _B,
            "",
            "`false`: anyone may make an account by address; `true`: no one."
            " Unset: only people who are invited; on a laptop (database and key in the data folder, loopback) anyone.",
        ),
        Setting("PULUMI_HIDE_EMAIL_LOGIN", _B, "false", "The console's name of PULUMI_DISABLE_EMAIL_LOGIN."),
        Setting("PULUMI_HIDE_EMAIL_SIGNUP", _B, "", "The console's name of PULUMI_DISABLE_EMAIL_SIGNUP."),
        Setting(
            "STACKHOLD_SIGN_UP_DOMAINS",
            _T,
            "",
            "Domains whose verified addresses may make an account through"
            " github.com or gitlab.com, with commas; `*`: all. Unset: only people who are invited.",
        ),
        Setting(
            "STACKHOLD_ORGANIZATIONS_BY_ANYONE",
            _B,
            "",
            "`true`: everybody may make organizations; `false`: site administrators. Unset: `true` on a laptop alone.",
        ),
        Setting("STACKHOLD_SESSION_HOURS", _I, "12", "Hours after which a browser has to sign in again.", lowest=1, highest=720),
        Setting("RECAPTCHA_SECRET_KEY", _S, "", "Secret key of a reCAPTCHA, checked before a password reset is mailed."),
        Setting("RECAPTCHA_SITE_KEY", _T, "", "Site key of that reCAPTCHA."),
        Setting("STACKHOLD_RECAPTCHA_ENDPOINT", _T, "https://www.google.com/recaptcha/api", "Where it is checked."),
        Setting("GITLAB_OAUTH_ID", _T, "", "GitLab application's id: with its secret, people sign in with GitLab."),
        Setting("GITLAB_OAUTH_SECRET", _S, "", "GitLab application's secret."),
        Setting("GITLAB_OAUTH_ENDPOINT", _T, "https://gitlab.com", "GitLab's address."),
        Setting("GITHUB_OAUTH_ID", _T, "", "GitHub application's id: with its secret, people sign in with GitHub."),
        Setting("GITHUB_OAUTH_SECRET", _S, "", "GitHub application's secret."),
        Setting(
            "GITHUB_OAUTH_ENDPOINT",
            _T,
            "https://api.github.com",
            "GitHub API's address, `https://host/api/v3` of an enterprise server.",
        ),
        Setting("STACKHOLD_OIDC_ISSUER", _T, "", "Address of an OpenID Connect provider that people sign in with."),
        Setting("STACKHOLD_OIDC_CLIENT_ID", _T, "", "This program's client id there."),
        Setting("STACKHOLD_OIDC_CLIENT_SECRET", _S, "", "Its secret; unset: a public client, with PKCE alone."),
        Setting("STACKHOLD_OIDC_NAME", _T, "single sign-on", "What the button of the sign-in page calls it."),
        Setting("STACKHOLD_OIDC_SCOPES", _T, "openid email profile", "What is asked for, with spaces."),
        Setting("STACKHOLD_OIDC_ALLOWED_DOMAINS", _T, "", "Domains of addresses that may sign in, with commas; unset: all."),
        Setting("STACKHOLD_OIDC_GROUPS_CLAIM", _T, "groups", "Claim with the groups of a person."),
        Setting("STACKHOLD_OIDC_ALLOWED_GROUPS", _T, "", "Groups of which a person must have one, with commas; unset: all."),
        Setting(
            "STACKHOLD_OIDC_GROUP_TEAMS",
            _T,
            "",
            "`group=org` or `group=org/team`, with commas: people in the group"
            " join the organization, and the team, when they sign in; those no longer in it leave the team.",
        ),
        Setting(
            "SAML_CERTIFICATE_PUBLIC_KEY",
            _T,
            "",
            "Certificate of this service provider: a path, PEM text, or base64 of it.",
            is_pem=True,
        ),
        Setting(
            "SAML_CERTIFICATE_PRIVATE_KEY",
            _S,
            "",
            "Its private key, likewise: requests are signed, assertions decrypted.",
            is_pem=True,
        ),
        Setting(
            "STACKHOLD_OUTBOUND_ALLOW",
            _T,
            "",
            "Hosts, addresses and networks, with commas, that this program may call"
            " although they are not public; calls to them may use plain HTTP.",
        ),
    ),
    "Mail": (
        Setting("SMTP_SERVER", _T, "", "`host:port` of the outgoing mail server; unset: links are written to the log."),
        Setting("SMTP_USERNAME", _T, "", "User on it."),
        Setting("SMTP_PASSWORD", _S, "", "That user's password."),
        Setting("SMTP_GENERIC_SENDER", _T, "", "Sender of mails."),
        Setting("STACKHOLD_SMTP_TLS", _T, "", "`starttls`, `implicit` or `none`; unset: implicit on port 465, else STARTTLS."),
    ),
    "Audit and telemetry": (
        Setting("PULUMI_AUDIT_LOGS_DYNAMO_TABLE", _T, "", "DynamoDB table for audit logs.", _LATER),
        Setting("OTEL_EXPORTER_OTLP_ENDPOINT", _T, "", "Receiver of traces and metrics.", _LATER),
        Setting("OTEL_EXPORTER_OTLP_PROTOCOL", _T, "grpc", "`http` or `grpc`.", _LATER),
        Setting("PULUMI_ENABLE_DEPRECATED_METRICS", _B, "true", "Metrics as log lines.", _LATER),
        Setting("METRICS_WEBHOOK_SECRET", _S, "", "Protects `/metrics`.", _LATER),
    ),
    "Not needed": (
        _needless("PULUMI_LICENSE_KEY", "no licence is needed"),
        _needless("PULUMI_ENTERPRISE", "there is one edition"),
        _needless("RUN_MIGRATIONS_EXTERNALLY", "`stackhold migrate` works on the configured database, wherever that runs"),
        _needless("MIGRATIONS_DIR", "migrations are part of the program"),
        _needless("PULUMI_LOCAL_DATABASE_NAME", "there is no database container; PULUMI_DATABASE_NAME counts"),
        _needless("PULUMI_LOCAL_DATABASE_PORT", "there is no database container; PULUMI_DATABASE_ENDPOINT counts"),
        _needless("PULUMI_SEARCH_DOMAIN", "search uses the database"),
        _needless("PULUMI_SEARCH_USER", "search uses the database"),
        _needless("PULUMI_SEARCH_PASSWORD", "search uses the database"),
        _needless("PULUMI_ENGINE_EVENTS_SCHEMA_V2", "events are stored in one way only"),
        _needless("ENGINE_EVENTS_LEGACY_WRITE", "events are stored in one way only"),
        _needless("PULUMI_SHARED_DOMAIN_ROOT", "console and API share one origin"),
        _needless("PULUMI_DISABLE_ESC_SSRF_PROTECTION", "this protection cannot be switched off as a whole"),
        _needless("AZURE_SUBSCRIPTION_ID", "no call names a subscription"),
        _needless("PULUMI_SNS_*", "nothing is sent to SNS"),
        _needless("SLACK_*", "there is no Slack application; a webhook does the same"),
        _needless("MANDRILL_*", "mail goes through SMTP_SERVER"),
        _needless("SEGMENT_*", "nothing is reported to anybody"),
        _needless("PULUMI_API", "the console is part of this server; set PULUMI_API_DOMAIN for both"),
        _needless("PULUMI_API_INTERNAL_ENDPOINT", "the console is part of this server"),
        _needless("PULUMI_HOMEPAGE_DOMAIN", "the console has no separate home page; set PULUMI_CONSOLE_DOMAIN"),
        _needless("PULUMI_ROOT_DOMAIN", "cookies are not shared with other domains"),
        _needless("PULUMI_DATA_PATH", "set STACKHOLD_DATA to the data folder"),
        _needless("SAML_SSO_ENABLED", "each organization sets up its own SAML provider"),
        _needless("GITHUB_API_ENDPOINT", "set GITHUB_OAUTH_ENDPOINT to the address of GitHub's API"),
        _needless("GITLAB_API_ENDPOINT", "set GITLAB_OAUTH_ENDPOINT to the address of GitLab"),
        _needless("AG_GRID_LICENSE_KEY", "the console has no licensed part"),
    ),
}

SETTINGS: tuple[Setting, ...] = tuple(setting for settings in SECTIONS.values() for setting in settings)

# Longer than any address or path; what is longer is a certificate or a key in the wrong place.
LONGEST_TEXT = 500
_LISTS = {
    "STACKHOLD_TRUSTED_PROXIES",
    "STACKHOLD_SIGN_UP_DOMAINS",
    "STACKHOLD_OIDC_ALLOWED_DOMAINS",
    "STACKHOLD_OIDC_ALLOWED_GROUPS",
    "STACKHOLD_OIDC_GROUP_TEAMS",
    "STACKHOLD_OUTBOUND_ALLOW",
}
_BY_NAME = {setting.name: setting for setting in SETTINGS}
# Settings that are addresses, into which people paste what belongs to them elsewhere: `mysql://root:password@host`.
_ADDRESS = re.compile("_(?:API|ENDPOINT|SERVER|DOMAIN|ISSUER|URL)$")
_CREDENTIALS = re.compile(r"@|[?&][^=&]*(?:sig|secret|password|access_?key)=", re.IGNORECASE)
_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


class Settings:
    """The values in force. Secrets never appear in its `repr`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """Check every known name among the values; raises StartUpError with the name of a bad one."""
        self._values = {name: value for name, setting in _BY_NAME.items() if (value := _trimmed(setting, values.get(name, "")))}
        for name in self._values:
            self._check(_BY_NAME[name])

    @classmethod
    def from_env(cls) -> "Settings":
        """Return the settings of this process's environment."""
        return cls(os.environ)

    def replaced(self, **values: str) -> "Settings":
        """Return settings with some values replaced, as a command line does."""
        return Settings({**self._values, **values})

    def as_env(self) -> dict[str, str]:
        """Return the values that are set, for a child process."""
        return dict(self._values)

    def is_set(self, name: str) -> bool:
        """Tell whether a value was given, whatever the default is."""
        return name in self._values

    def text(self, name: str) -> str:
        """Return a value as text, or its default."""
        return self._values.get(name, _BY_NAME[name].default)

    def integer(self, name: str) -> int:
        """Return a value as a whole number."""
        return int(self.text(name))

    def flag(self, name: str) -> bool:
        """Return a value as true or false."""
        return self.text(name).lower() in _TRUE

    @property
    def data_folder(self) -> Path:
        """Return the data folder, absolute."""
        return Path(self.text("STACKHOLD_DATA")).absolute()

    def path(self, name: str, default: str) -> Path:
        """Return a path setting, or `default` inside the data folder."""
        return Path(self.text(name)).absolute() if self.is_set(name) else self.data_folder / default

    def __repr__(self) -> str:
        """Name the settings that are set, without values: some are secrets."""
        return f"Settings({', '.join(sorted(self._values))})"

    def _check(self, setting: Setting) -> None:
        value = self._values[setting.name]
        if setting.status is not Status.USED:
            return
        if "\0" in value or not _is_text(value) or not (setting.is_many_lines or value.isprintable()):
            what = (
                "null characters or bytes that are not UTF-8"
                if setting.is_many_lines
                else "line breaks or other control characters"
            )
            raise StartUpError(f"{setting.name} must not contain {what}")
        if setting.kind in (Kind.TEXT, Kind.PATH) and not _may_be_long(setting) and len(value) > LONGEST_TEXT:
            raise StartUpError(f"{setting.name} must be at most {LONGEST_TEXT} characters long")
        if has_credentials(setting, value):
            raise StartUpError(
                f"{setting.name} must not contain a user, a password or a signature; they have settings of their own"
            )
        if setting.kind is Kind.INTEGER and not _is_between(value, setting.lowest, setting.highest):
            msg = f"{setting.name} must be a whole number from {setting.lowest} to {setting.highest}"
            raise StartUpError(msg)
        if setting.kind is Kind.BOOLEAN and value.lower() not in _TRUE | _FALSE:
            msg = f"{setting.name} must be true or false"
            raise StartUpError(msg)


def has_credentials(setting: Setting, value: str) -> bool:
    """Tell whether a value is an address with a password, or something like one, in it."""
    return setting.kind is Kind.TEXT and _ADDRESS.search(setting.name) is not None and _CREDENTIALS.search(value) is not None


def _trimmed(setting: Setting, value: str) -> str:
    """Return a value without the line break at its end that files and secrets of Kubernetes often have."""
    return value if setting.is_many_lines else value.strip("\r\n")


def _may_be_long(setting: Setting) -> bool:
    return setting.is_pem or setting.name in _LISTS


def _is_text(value: str) -> bool:
    """Tell whether a value can be encoded: bytes of the environment that are not UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_between(value: str, lowest: int, highest: int) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 20 and lowest <= int(value) <= highest
