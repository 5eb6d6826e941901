"""Statements that read which stacks use a package."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, select

from common.db.tables.stacks import stacks, updates
from common.rights.membership import StackScope
from common.stacks.engine.packages import PackageUse, decode
from common.stacks.repository.visibility import in_scopes

_newest = updates.alias("newest")


@dataclass(frozen=True, slots=True)
class StackPackages:
    """A stack and the packages of its newest state; `version` is the stack's newest one, `changed_at` in unix milliseconds."""

    id: str
    project: str
    name: str
    version: int
    changed_at: int
    packages: tuple[PackageUse, ...]

    def narrow(self, package: str, version: str) -> "StackPackages":
        """Return the stack with what it uses of one package, in one version unless that is an empty text."""
        uses = (use for use in self.packages if use.name == package and version in ("", use.version))
        return replace(self, packages=tuple(uses))


def list_stacks(connection: Connection, scope: StackScope, package: str) -> list[StackPackages]:
    """Return live stacks of a scope that use a package, by project and name."""
    latest = (
        select(_newest.c.version)
        .where(_newest.c.stack_id == stacks.c.id, _newest.c.version.is_not(None))
        .order_by(_newest.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    packages = (
        select(_newest.c.packages)
        .where(_newest.c.stack_id == stacks.c.id, _newest.c.version.is_not(None), _newest.c.packages.is_not(None))
        .order_by(_newest.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    mention = f"[{msgspec.json.encode(package).decode()},"
    query: Select[Any] = (
        select(stacks.c.id, stacks.c.project, stacks.c.name, updates.c.version, updates.c.ended_at, packages.label("packages"))
        .select_from(stacks)
        .join(updates, (updates.c.stack_id == stacks.c.id) & (updates.c.version == latest))
        .where(stacks.c.live == 1, in_scopes([scope]), packages.contains(mention, autoescape=True))
        .order_by(stacks.c.project, stacks.c.name)
    )
    return [_to_packages(row) for row in connection.execute(query)]


def _to_packages(row: Any) -> StackPackages:  # noqa: ANN401 - a row
    return StackPackages(row.id, row.project, row.name, row.version, row.ended_at or 0, decode(row.packages))
