"""Every table there is: the modules that define them are imported here, so that METADATA is complete."""

from common.db import audit_tables, sign_in_tables, tables
from common.db.schema import METADATA

__all__ = ["METADATA", "audit_tables", "sign_in_tables", "tables"]
