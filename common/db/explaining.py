"""Why a MySQL server refuses a connection, and which setting mends it."""

from common.core.errors import BackendError
from common.db.address import MySQL
from common.db.faults import DENIED, number, words

SECURE_TRANSPORT = 3159
_NO_RIGHT, _READ_ONLY = {1044, 1142, 1143, 1227}, {1290, 1792, 1836}
TLS_ADVICE = (
    "set DATABASE_MIN_TLS_VERSION=1.2, and DATABASE_CA_CERTIFICATE unless an authority that this machine trusts has signed the"
    " server's certificate"
)
_USER, _PASSWORD = "PULUMI_DATABASE_USER_NAME", "PULUMI_DATABASE_USER_PASSWORD"


def explain(error: BaseException, place: object, *, user_setting: str = _USER, password_setting: str = _PASSWORD) -> str:
    """Return what the driver said and what to do about it, in one sentence without values of settings that are secret."""
    said = words(error) or (error.message if isinstance(error, BackendError) else "")
    if not isinstance(place, MySQL):
        return said
    where = f"{place.host}:{place.port}"
    cause = error.__cause__ if isinstance(error, BackendError) else error
    if number(cause) == SECURE_TRANSPORT:
        return f"the MySQL server at {where} accepts connections over TLS only: {TLS_ADVICE}"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return _untrusted(said, where)
    if number(cause) == DENIED:
        also = "" if place.tls else f"; if the user must sign in over TLS, {TLS_ADVICE}"
        return f"{said}: check {user_setting} and {password_setting}{also}"
    if number(cause) in _NO_RIGHT:
        return f"{said}: grant all privileges on the database {place.database} to the user {place.user}"
    if number(cause) in _READ_ONLY:
        return f"{said}: PULUMI_DATABASE_ENDPOINT ({where}) must lead to a server that accepts writes"
    return f"{said} (PULUMI_DATABASE_ENDPOINT is {where})"


def _untrusted(said: str, where: str) -> str:
    if "Hostname mismatch" in said or "IP address mismatch" in said:
        return f"the certificate of the MySQL server is not for {where}: PULUMI_DATABASE_ENDPOINT must be a name in it"
    return (
        f"the certificate of the MySQL server at {where} is not trusted: set DATABASE_CA_CERTIFICATE to the certificate of the"
        " authority that has signed it"
    )
