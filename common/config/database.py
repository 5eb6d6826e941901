"""Finds the database that the settings name: a file, or a MySQL server with its TLS and the way to sign in."""

import os
import ssl
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

from common.config.pem import read_pem
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
# Beside the handlers, the jobs hold a connection of their own.
SPARE_CONNECTIONS = 2
ENDPOINT, USER, LOGIN = "PULUMI_DATABASE_ENDPOINT", "PULUMI_DATABASE_USER_NAME", "STACKHOLD_DATABASE_LOGIN"
_PASSWORD, _RDS, _ENTRA = "password", "aws-iam", "entra"
_PING, _ROOT_PASSWORD = "PULUMI_DATABASE_PING_ENDPOINT", "MYSQL_ROOT_PASSWORD"
_CERTIFICATE, _LOWEST = "DATABASE_CA_CERTIFICATE", "DATABASE_MIN_TLS_VERSION"
_TLS_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# Accepted from older configurations, never obeyed: what they allow is broken.
_RAISED_TLS_VERSIONS = ("1.0", "1.1")


def open_database_at(place: Path | MySQL, settings: Settings) -> Database:
    """Return the database at a place, with a pool for these settings; a SQLite file that is absent appears on first use."""
    return open_database(place, pool_size=settings.integer("STACKHOLD_THREADS") + SPARE_CONNECTIONS)


def database_place(settings: Settings) -> Path | MySQL:
    """Return the SQLite file, or the MySQL server and how to get in; raises StartUpError."""
    if not settings.is_set(ENDPOINT):
        return settings.data_folder / DATABASE_FILE
    host, port = host_and_port(settings, ENDPOINT)
    return MySQL(
        host=host,
        port=port,
        database=settings.text("PULUMI_DATABASE_NAME"),
        user=settings.text(USER),
        password=settings.text("PULUMI_DATABASE_USER_PASSWORD"),
        tls=database_tls(settings),
        token=_token(settings, host, port),
    )


def prepare_server(settings: Settings) -> None:
    """Wait for the MySQL server, and create its database and user, each if the settings ask for it; raises StartUpError.

    The user is created when there is a way for them to sign in: a password, or a token of RDS.
    """
    if settings.is_set(_PING):
        provision.await_server(*host_and_port(settings, _PING))
    place, root = database_place(settings), _root(settings)
    if root is None or not isinstance(place, MySQL):
        return
    with_user = not settings.flag("SKIP_CREATE_DB_USER") and bool(place.password or place.token)
    with closing(open_database(replace(root, database=""), pool_size=1)) as administrator:
        try:
            provision.create(administrator, place, with_user=with_user)
        except Unavailable as error:
            reason = explain(error, root, user_setting="MYSQL_ROOT_USERNAME", password_setting=_ROOT_PASSWORD)
            raise StartUpError(f"the database cannot be created as {root.user}: {reason}") from error


def open_for_migration(settings: Settings) -> Database:
    """Return the database, opened as root where root's password is given and as the application's user otherwise."""
    return open_database(_root(settings) or database_place(settings), pool_size=1)


def _root(settings: Settings) -> MySQL | None:
    """Return how MySQL's administrator gets in, None where the settings do not say."""
    place = database_place(settings)
    if not isinstance(place, MySQL) or not (settings.is_set(_ROOT_PASSWORD) or settings.flag("MYSQL_ALLOW_EMPTY_PASSWORD")):
        return None
    return replace(place, user=settings.text("MYSQL_ROOT_USERNAME"), password=settings.text(_ROOT_PASSWORD), token=None)


def host_and_port(settings: Settings, name: str, default_port: int = 3306) -> tuple[str, int]:
    """Return the parts of a server's address; raises StartUpError."""
    endpoint = settings.text(name)
    host, separator, port = endpoint.rpartition(":")
    if not separator or port.endswith("]"):
        host, port = endpoint, str(default_port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65535:
        msg = f"{name} must be host:port"
        raise StartUpError(msg)
    return host, int(port)


def database_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return what verified TLS to MySQL needs, made once as that is dear, or None where neither of its settings is set.

    Without a certificate authority of its own, the server's certificate must come from one that this machine trusts.
    """
    if not settings.is_set(_CERTIFICATE) and not settings.is_set(_LOWEST):
        return None
    certificate = read_pem(settings, _CERTIFICATE) if settings.is_set(_CERTIFICATE) else b""
    return _context(certificate, tls_version(settings, _LOWEST))


def tls_version(settings: Settings, name: str) -> ssl.TLSVersion:
    """Return the lowest TLS version a setting allows; raises StartUpError."""
    text = settings.text(name)
    if text in _RAISED_TLS_VERSIONS:
        return ssl.TLSVersion.TLSv1_2
    if text not in _TLS_VERSIONS:
        msg = f"{name} must be 1.2 or 1.3"
        raise StartUpError(msg)
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
    login = settings.text(LOGIN)
    if login not in (_PASSWORD, _RDS, _ENTRA):
        msg = f"{LOGIN} must be {_PASSWORD}, {_RDS} or {_ENTRA}"
        raise StartUpError(msg)
    if login == _PASSWORD:
        return None
    if settings.is_set("PULUMI_DATABASE_USER_PASSWORD"):
        msg = f"PULUMI_DATABASE_USER_PASSWORD is set, and {LOGIN} is {login}: unset one of them"
        raise StartUpError(msg)
    if login == _ENTRA:
        return EntraToken(azure.credential)
    region = login_tokens.rds_region(host, settings.text("AWS_REGION"))
    return RdsToken(RdsUser(host, port, settings.text(USER), region), _aws_credentials(settings, region))


def _aws_credentials(settings: Settings, region: str) -> CredentialSource:
    key, secret = settings.text("AWS_ACCESS_KEY_ID"), settings.text("AWS_SECRET_ACCESS_KEY")
    if key and secret and not settings.is_set("AWS_ROLE_ARN") and not settings.is_set("AWS_PROFILE"):
        # A function's own role comes this way, and so a request that needs the database alone never loads the SDK.
        given = Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN", ""))
        return lambda: given
    access = Access(region, profile=settings.text("AWS_PROFILE"), role_arn=settings.text("AWS_ROLE_ARN"))
    find = aws.credential_source(access)

    def found() -> Credentials:
        return Credentials(*find())

    return found
