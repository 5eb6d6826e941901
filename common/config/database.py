"""Finds the database that the settings name: a file, or a MySQL server with its TLS and the way to sign in."""

import os
import ssl
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

from common.config.pem import read_pem
from common.config.setting import Setting
from common.config.settings import Settings
from common.core.errors import StartUpError, Unavailable
from common.db import login_tokens, provision
from common.db.address import MySQL, Token
from common.db.engine import Database, open_database
from common.db.explaining import explain
from common.db.login_tokens import Credentials, CredentialSource, EntraToken, RdsToken, RdsUser
from common.ports import aws, azure
from common.ports.aws import Access

DATABASE_FILE = "stackhold.db"
# A gateway of AWS ends a request after 30 seconds, and the rest of it needs some of them.
WAKE_SECONDS = 22
# Beside the handlers, the jobs hold a connection of their own.
SPARE_CONNECTIONS = 2
_PASSWORD, _RDS, _ENTRA = "password", "aws-iam", "entra"
_CERTIFICATE = Settings.database_ca_certificate
_TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# Accepted from older configurations, never obeyed: what they allow is broken.
_RAISED_TLS_VERSIONS = ("1.0", "1.1")


def open_database_at(place: Path | MySQL, settings: Settings) -> Database:
    """Return the database at a place, with a pool for these settings; a SQLite file that is absent appears on first use."""
    return open_database(place, pool_size=settings.threads + SPARE_CONNECTIONS)


def database_place(settings: Settings) -> Path | MySQL:
    """Return the SQLite file, or the MySQL server and how to get in; raises StartUpError."""
    if not settings.is_set(Settings.database_endpoint):
        return settings.data_folder / DATABASE_FILE
    host, port = host_and_port(settings, Settings.database_endpoint)
    return MySQL(
        host=host,
        port=port,
        database=settings.database_name,
        user=settings.database_user_name,
        password=settings.database_user_password,
        tls=database_tls(settings),
        token=_token(settings, host, port),
        wake_seconds=WAKE_SECONDS if settings.database_sleeps else 0,
    )


def prepare_server(settings: Settings) -> None:
    """Wait for the MySQL server, and create its database and user, each if the settings ask for it; raises StartUpError.

    The user is created when there is a way for them to sign in: a password, or a token of RDS.
    """
    if settings.is_set(Settings.database_ping_endpoint):
        provision.await_server(*host_and_port(settings, Settings.database_ping_endpoint))
    place, root = database_place(settings), _root(settings)
    if root is None or not isinstance(place, MySQL):
        return
    with_user = not settings.skip_create_db_user and bool(place.password or place.token)
    with closing(open_database(replace(root, database=""), pool_size=1)) as administrator:
        try:
            provision.create(administrator, place, with_user=with_user)
        except Unavailable as error:
            reason = explain(
                error, root, user_setting=Settings.mysql_root_username.name, password_setting=Settings.mysql_root_password.name
            )
            raise StartUpError(f"the database cannot be created as {root.user}: {reason}") from error


def open_for_migration(settings: Settings) -> Database:
    """Return the database, opened as root where root's password is given and as the application's user otherwise."""
    return open_database(_root(settings) or database_place(settings), pool_size=1)


def _root(settings: Settings) -> MySQL | None:
    """Return how MySQL's administrator gets in, None where the settings do not say."""
    place = database_place(settings)
    if not isinstance(place, MySQL) or not (settings.is_set(Settings.mysql_root_password) or settings.mysql_allow_empty_password):
        return None
    return replace(place, user=settings.mysql_root_username, password=settings.mysql_root_password, token=None)


def host_and_port(settings: Settings, setting: Setting[str], default_port: int = 3306) -> tuple[str, int]:
    """Return the parts of a server's address; raises StartUpError."""
    endpoint = settings.get(setting)
    host, separator, port = endpoint.rpartition(":")
    if not separator or port.endswith("]"):
        host, port = endpoint, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65535:
        raise StartUpError(f"{setting} must be host:port")
    return host, int(port)


def database_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return what verified TLS to MySQL needs, made once as that is dear, or None where neither of its settings is set.

    Without a certificate authority of its own, the server's certificate must come from one that this machine trusts.
    """
    has_certificate = settings.is_set(_CERTIFICATE)
    if not has_certificate and not settings.is_set(Settings.database_min_tls_version):
        return None
    certificate = read_pem(settings, _CERTIFICATE) if has_certificate else b""
    return _context(certificate, tls_version(settings, Settings.database_min_tls_version))


def tls_version(settings: Settings, setting: Setting[str]) -> ssl.TLSVersion:
    """Return the lowest TLS version a setting allows; raises StartUpError."""
    text = settings.get(setting)
    if text in _RAISED_TLS_VERSIONS:
        return ssl.TLSVersion.TLSv1_2
    if text not in _TLS_VERSIONS:
        raise StartUpError(f"{setting} must be 1.2 or 1.3")
    return _TLS_VERSIONS[text]


@cache
def _context(certificate: bytes, lowest: ssl.TLSVersion) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=certificate.decode("ascii", "ignore") or None)
    except (ssl.SSLError, ValueError):
        raise StartUpError(f"{_CERTIFICATE} holds no certificate in PEM form") from None
    # Python 3.13 began to refuse authorities whose certificates lack a mark, as MySQL's own and some of RDS do.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = lowest
    return context


def _token(settings: Settings, host: str, port: int) -> Token | None:
    login = settings.database_login
    if login not in (_PASSWORD, _RDS, _ENTRA):
        raise StartUpError(f"{Settings.database_login} must be {_PASSWORD}, {_RDS} or {_ENTRA}")
    if login == _PASSWORD:
        return None
    if settings.is_set(Settings.database_user_password):
        raise StartUpError(
            f"{Settings.database_user_password} is set, and {Settings.database_login} is {login}: unset one of them"
        )
    if login == _ENTRA:
        return EntraToken(azure.credential)
    region = login_tokens.rds_region(host, settings.aws_region)
    return RdsToken(RdsUser(host, port, settings.database_user_name, region), _aws_credentials(settings, region))


def _aws_credentials(settings: Settings, region: str) -> CredentialSource:
    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    if key and secret and not settings.is_set(Settings.aws_role_arn) and not settings.is_set(Settings.aws_profile):
        # A function's own role comes this way, and so a request that needs the database alone never loads the SDK.
        credentials = Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN", ""))
        return lambda: credentials
    access = Access(region, profile=settings.aws_profile, role_arn=settings.aws_role_arn)
    find = aws.credential_source(access)

    def found() -> Credentials:
        return Credentials(*find())

    return found
