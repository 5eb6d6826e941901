"""Every table there is: the modules that define them are imported here, so that METADATA is complete."""

from common.db.tables import audit, core_tables, sign_in
from common.db.tables.schema import METADATA

__all__ = ["METADATA", "audit", "core_tables", "sign_in"]
