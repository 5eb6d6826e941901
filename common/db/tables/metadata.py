"""Every table there is: each module of this package is imported here, so that METADATA is complete."""

import pkgutil
from importlib import import_module

from common.db import tables
from common.db.tables.schema import METADATA

__all__ = ["METADATA"]

for _module in pkgutil.iter_modules(tables.__path__, f"{tables.__name__}."):
    if _module.name != __name__:
        import_module(_module.name)
