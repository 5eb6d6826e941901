"""What the functions read their settings from: the environment, the settings of one secret, the database's certificates.

An environment of Lambda holds four kilobytes, and the certificates of a region's databases are larger, so they lie beside
the code. What a secret holds of settings comes as one text, since a template cannot give names that it does not know.
"""

import json
import os
from pathlib import Path

from common.errors import StartUpError

CERTIFICATES = Path(__file__).with_name("database-ca.pem")
_CERTIFICATE, _FURTHER = "DATABASE_CA_CERTIFICATE", "STACKHOLD_SETTINGS"


def environment() -> dict[str, str]:
    """Return the environment of this function; raises StartUpError. What the template gives itself is not replaced."""
    found = dict(os.environ)
    further = _further(found.pop(_FURTHER, ""))
    found = {**further, **found}
    if not found.get(_CERTIFICATE) and CERTIFICATES.exists():
        try:
            found[_CERTIFICATE] = CERTIFICATES.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise StartUpError(f"{CERTIFICATES.name} cannot be read") from error
    return found


def _further(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise StartUpError(f"{_FURTHER} is not JSON") from error.with_traceback(None)
    if not isinstance(settings, dict) or not all(isinstance(value, str) for value in settings.values()):
        msg = f"{_FURTHER} must be a JSON object of names and texts"
        raise StartUpError(msg)
    return settings
