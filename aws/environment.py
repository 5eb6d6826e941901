"""What the functions read their settings from: the environment, secrets of Secrets Manager, the database's certificates.

The environment has what the template says, which is no secret. What is secret or large is in secrets, each a JSON object of
names and texts of up to 64 KiB: four kilobytes of environment do not hold the certificates of single sign-on. They are read
when a process starts and again from time to time, so that a change needs no deployment. The certificates of a region's
databases are larger still, so they lie beside the code.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from common.core.errors import StartUpError
from common.ports import aws
from common.ports.aws import Access

CERTIFICATES = Path(__file__).with_name("database-ca.pem")
SECRETS, _CERTIFICATE = "STACKHOLD_SETTINGS_SECRETS", "DATABASE_CA_CERTIFICATE"
# A request waits for this call, and the settings before serve as well.
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 2, 3, 2


def environment() -> dict[str, str]:
    """Return the settings of this function; raises StartUpError. What the template gives itself is not replaced."""
    # The template gives what it leaves open an empty text, which must not stand in the way of a secret.
    found = {name: value for name, value in os.environ.items() if value}
    # The template's own secrets are named before the operator's, and what comes first counts.
    for name in _secrets({SECRETS: found.pop(SECRETS, "")}):
        found = {**_settings_of(name), **found}
    if not found.get(_CERTIFICATE) and CERTIFICATES.exists():
        try:
            found[_CERTIFICATE] = CERTIFICATES.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise StartUpError(f"{CERTIFICATES.name} cannot be read") from error
    return found


def has_secrets() -> bool:
    """Tell whether settings come from secrets; nothing else can change while a process lives."""
    return bool(_secrets(os.environ))


def _secrets(values: Mapping[str, str]) -> list[str]:
    return [name for name in values.get(SECRETS, "").replace(" ", "").split(",") if name]


def _settings_of(name: str) -> dict[str, str]:
    try:
        text = str(_client().get_secret_value(SecretId=name)["SecretString"])
    except Exception as error:  # noqa: BLE001 - the SDK's errors have no base that is known without loading it
        # The SDK's own words may repeat an answer.
        raise StartUpError(f"{SECRETS}: the secret {name} cannot be read ({aws.reason_of(error)})") from None
    try:
        settings = json.loads(text)
    except ValueError:
        # Without the parser's error, which holds the text.
        raise StartUpError(f"{SECRETS}: the secret {name} is not JSON") from None
    if not isinstance(settings, dict) or not all(isinstance(value, str) for value in settings.values()):
        raise StartUpError(f"{SECRETS}: the secret {name} must be a JSON object of names and texts")
    return settings


@cache
def _client() -> Any:  # noqa: ANN401 - the SDK has no types
    return aws.connect(
        "secretsmanager",
        Access(os.environ.get("AWS_REGION", "")),
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
