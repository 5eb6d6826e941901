"""What the functions read their settings from: the environment, and the database's certificates beside the code.

An environment of Lambda holds four kilobytes, and the certificates of a region's databases are larger.
"""

import os
from pathlib import Path

from common.errors import StartUpError

CERTIFICATES = Path(__file__).with_name("database-ca.pem")
_SETTING = "DATABASE_CA_CERTIFICATE"


def environment() -> dict[str, str]:
    """Return the environment of this function."""
    found = dict(os.environ)
    if not found.get(_SETTING) and CERTIFICATES.exists():
        try:
            found[_SETTING] = CERTIFICATES.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise StartUpError(f"{CERTIFICATES.name} cannot be read") from error
    return found
