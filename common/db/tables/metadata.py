"""Every table there is: the modules that define them are imported here, so that METADATA is complete."""

from common.db.tables import access, audit, installation, people, sign_in, stacks
from common.db.tables.schema import METADATA

__all__ = ["METADATA", "access", "audit", "installation", "people", "sign_in", "stacks"]
