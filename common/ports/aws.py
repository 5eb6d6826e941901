"""Makes clients of AWS services: the one place that knows where credentials, region and time limits come from.

Credentials are those of the SDK's own chain (environment, profile, web identity, container, instance), and a role on top of
them where one is named. A client is made on first use, opens no connection, and every call of it ends within a bounded time.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import TYPE_CHECKING, Any

from common.core.errors import StartUpError, Unavailable

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.config import Config
    from botocore.credentials import Credentials
    from botocore.session import Session

# Three attempts of a call without an answer end within the 29 seconds that a gateway waits.
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 2, 7, 3
_ROLE_SESSION = "stackhold"
_LOCK = RLock()
_SESSIONS: "dict[tuple[object, ...], Session]" = {}


@dataclass(frozen=True, slots=True)
class Access:
    """Where a service is and who asks; what is empty is left to the SDK's chain."""

    region: str = ""
    endpoint: str = ""
    profile: str = ""
    role_arn: str = ""
    is_anonymous: bool = False
    # The role of a customer, which is assumed last, with an external id that their trust policy may ask for.
    customer_role_arn: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials that are used in place of those of the SDK's chain; `token` is that of a session."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


def connect(service: str, access: Access, *, use_ssl: bool = True, keys: Keys | None = None, **options: object) -> "BaseClient":
    """Return a client; `options` go to the SDK's `Config`, in place of the limits above too. Nothing is sent yet."""
    names = {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key} if keys is not None else {}
    if keys is not None and keys.token:
        names["aws_session_token"] = keys.token
    # A session is not safe to share between threads while it makes a client; clients are.
    with _LOCK:
        return _session(access).create_client(
            service,
            region_name=access.region or None,
            endpoint_url=access.endpoint or None,
            use_ssl=use_ssl,
            config=_config(access, options),
            **names,
        )


def ask(service: str, access: Access, operation: str, **arguments: object) -> dict[str, Any]:
    """Return the answer to one call at the start; raises StartUpError with the reason in one word."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the SDK is loaded on first use

    try:
        answer: dict[str, Any] = getattr(connect(service, access), operation)(**arguments)
    except (BotoCoreError, ClientError) as error:
        raise StartUpError(reason_of(error)) from error
    return answer


def credential_source(access: Access) -> Callable[[], tuple[str, str, str]]:
    """Return what gives (access key, secret, session token or "") as they are at the moment; raises Unavailable when none are."""
    kept: list[Credentials] = []

    def current() -> tuple[str, str, str]:
        try:
            with _LOCK:
                if not kept and (credentials := _session(access).get_credentials()) is not None:
                    kept.append(credentials)
            frozen = kept[0].get_frozen_credentials() if kept else None
        except Exception as error:
            raise Unavailable(f"AWS credentials for the login to the database cannot be loaded: {reason_of(error)}") from error
        if frozen is None:
            raise Unavailable("no AWS credentials were found for the login to the database")
        return frozen.access_key, frozen.secret_key, frozen.token or ""

    return current


def reason_of(error: Exception) -> str:
    """Return what went wrong in one word: the service's error code, or the kind of the SDK's error. Never a message of theirs."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    return str(code)[:60] or type(error).__name__


def status_of(error: Exception) -> int:
    """Return the HTTP status that a service answered with, 0 when it did not answer."""
    response = getattr(error, "response", None)
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) if isinstance(response, dict) else 0


def _config(access: Access, options: dict[str, object]) -> "Config":
    from botocore import UNSIGNED  # noqa: PLC0415 - the SDK is loaded on first use
    from botocore.config import Config  # noqa: PLC0415

    signature = {"signature_version": UNSIGNED} if access.is_anonymous else {}
    limits = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
    }
    return Config(**{**limits, **options, **signature})


def _session(access: Access) -> "Session":
    """Return the process's session for who asks: its credentials are had once, and renewed by one thread for all."""
    environment = frozenset(item for item in os.environ.items() if item[0].startswith("AWS_"))
    if access.customer_role_arn:
        # Not kept here: there may be many, and the client keeps its session's credentials.
        own = _session(replace(access, customer_role_arn="", external_id=""))
        return _in_role(own, access, access.customer_role_arn, {"ExternalId": access.external_id})
    key = (access.profile, access.role_arn, access.is_anonymous, environment)
    if key not in _SESSIONS:
        _SESSIONS[key] = _new_session(access)
    return _SESSIONS[key]


def _new_session(access: Access) -> "Session":
    from botocore.session import Session  # noqa: PLC0415

    base = Session(profile=access.profile or None)
    # With a token file the role is the chain's own business: it is assumed by web identity, without base credentials.
    if not access.role_arn or access.is_anonymous or os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return base
    return _in_role(base, access, access.role_arn, {})


def _in_role(base: "Session", access: Access, role_arn: str, arguments: dict[str, str]) -> "Session":
    from botocore.credentials import (  # noqa: PLC0415
        AssumeRoleCredentialFetcher,
        CredentialProvider,
        CredentialResolver,
        DeferredRefreshableCredentials,
    )
    from botocore.exceptions import NoCredentialsError  # noqa: PLC0415
    from botocore.session import Session  # noqa: PLC0415

    def creator(service: str, **options: object) -> "BaseClient":
        return base.create_client(service, config=_config(access, {}), region_name=access.region or None, **options)

    class AssumedRole(CredentialProvider):  # type: ignore[misc]  # the SDK has no type information
        METHOD = CANONICAL_NAME = "assume-role"

        def load(self) -> DeferredRefreshableCredentials:
            credentials = base.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            fetcher = AssumeRoleCredentialFetcher(
                creator, credentials, role_arn, extra_args={"RoleSessionName": _ROLE_SESSION, **arguments}
            )
            return DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)

    session = Session(profile=access.profile or None)
    session.register_component("credential_provider", CredentialResolver([AssumedRole()]))
    return session
