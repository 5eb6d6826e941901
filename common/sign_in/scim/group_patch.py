"""Computes the change of a group from the operations of a PATCH: its name, its external id and its members. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from common.sign_in.scim.documents import canonical_name, parse_members, parse_text
from common.sign_in.scim.filters import Operator
from common.sign_in.scim.model import MEMBERS_LIMIT, GroupProfile, InvalidRequest, ScimType
from common.sign_in.scim.operations import Op, Operation
from common.sign_in.scim.paths import Path, parse_path


@dataclass(slots=True)
class GroupChange:
    """What all operations change together. With `replaces_members`, the members in `added` are the only ones afterwards."""

    display_name: str | None = None
    external_id: str | None = None
    clears_external_id: bool = False
    replaces_members: bool = False
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def add(self, ids: Iterable[str]) -> None:
        """Add members."""
        self.added.update(ids)
        self.removed.difference_update(ids)

    def remove(self, ids: Iterable[str]) -> None:
        """Remove members."""
        self.added.difference_update(ids)
        self.removed.update(ids)

    def replace(self, ids: Iterable[str]) -> None:
        """Replace all members."""
        self.replaces_members, self.added, self.removed = True, set(ids), set()


def change_of(profile: GroupProfile) -> GroupChange:
    """Return the change that a PUT makes; without members in the document, they stay."""
    return GroupChange(
        display_name=profile.display_name,
        external_id=profile.external_id,
        clears_external_id=profile.external_id is None,
        replaces_members=profile.members is not None,
        added=set(profile.members or ()),
    )


def group_change(operations: list[Operation]) -> GroupChange:
    """Return the change that operations make; raises InvalidRequest for a read-only attribute and for too many members."""
    change = GroupChange()
    for operation in operations:
        if operation.path:
            _apply(change, operation.op, parse_path(operation.path), operation.value)
            continue
        for name, value in operation.value.items():
            _apply(change, operation.op, Path(canonical_name(name)), value, ignores_unknown=True)
    if len(change.added) + len(change.removed) > MEMBERS_LIMIT:
        raise InvalidRequest(
            ScimType.TOO_MANY, f"a request may name at most {MEMBERS_LIMIT:,} members; send the others in another one"
        )
    return change


def _apply(change: GroupChange, op: Op, path: Path, value: object, *, ignores_unknown: bool = False) -> None:
    match path.attribute:
        case "members":
            _apply_members(change, op, path, value)
        case "displayName":
            name = parse_text(value, "displayName")
            if op is Op.REMOVE or not name:
                raise InvalidRequest(ScimType.MUTABILITY, "a group needs a displayName")
            change.display_name = name
        case "externalId":
            change.external_id = None if op is Op.REMOVE else parse_text(value, "externalId") or None
            change.clears_external_id = change.external_id is None
        case _ if not ignores_unknown:
            # Okta sends `id` along with a new name, which is ignored.
            detail = f"a group has no attribute {path.attribute[:100]!a} that can be changed"
            raise InvalidRequest(ScimType.INVALID_PATH, detail)


def _apply_members(change: GroupChange, op: Op, path: Path, value: object) -> None:
    if path.conditions:
        [condition, *others] = path.conditions
        is_one_member = not others and (condition.attribute, condition.operator) == ("value", Operator.EQUAL)
        if op is not Op.REMOVE or not is_one_member or path.sub:
            raise InvalidRequest(ScimType.INVALID_PATH, 'a filter of members must select one of them: members[value eq "<id>"]')
        change.remove([str(condition.value)])
    elif op is Op.REMOVE:
        # Entra ID may name the members to remove in the value; without a value, all are removed.
        if value in (None, []):
            change.replace([])
        else:
            change.remove(parse_members(value))
    elif op is Op.ADD:
        change.add(parse_members(value if value is not None else []))
    else:
        change.replace(parse_members(value if value is not None else []))
