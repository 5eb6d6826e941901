"""What a PATCH makes of a group, told from its operations: its name, and who is in it. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from common.sign_in.scim.filters import Operator
from common.sign_in.scim.model import MEMBERS_LIMIT, Invalid, ScimType, parse_members, parse_text, spelled
from common.sign_in.scim.paths import Path, parse_path
from common.sign_in.scim.user_patch import Act, Operation


@dataclass(slots=True)
class GroupChange:
    """The outcome of all operations together. With `is_replaced` nobody stays who is not among `added`."""

    display_name: str | None = None
    external_id: str | None = None
    is_external_id_gone: bool = False
    is_replaced: bool = False
    added: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)

    def add(self, ids: Iterable[str]) -> None:
        """Let people be in the group."""
        self.added.update(ids)
        self.removed.difference_update(ids)

    def remove(self, ids: Iterable[str]) -> None:
        """Let people be out of it."""
        self.added.difference_update(ids)
        self.removed.update(ids)

    def replace(self, ids: Iterable[str]) -> None:
        """Let these be in it alone."""
        self.is_replaced, self.added, self.removed = True, set(ids), set()


def group_change(operations: list[Operation]) -> GroupChange:
    """Return what becomes of a group; raises Invalid for what cannot be changed, and for too many members."""
    change = GroupChange()
    for operation in operations:
        if operation.path:
            _apply(change, operation.act, parse_path(operation.path), operation.value)
            continue
        for name, value in operation.value.items():
            _apply(change, operation.act, Path(spelled(name)), value, is_lenient=True)
    if len(change.added) + len(change.removed) > MEMBERS_LIMIT:
        raise Invalid(ScimType.TOO_MANY, f"a request may name {MEMBERS_LIMIT:,} members; send the others in further ones")
    return change


def _apply(change: GroupChange, act: Act, path: Path, value: object, *, is_lenient: bool = False) -> None:
    match path.attribute:
        case "members":
            _apply_members(change, act, path, value)
        case "displayName":
            name = parse_text(value, "displayName")
            if act is Act.REMOVE or not name:
                raise Invalid(ScimType.MUTABILITY, "a group needs a displayName")
            change.display_name = name
        case "externalId":
            change.external_id = None if act is Act.REMOVE else parse_text(value, "externalId") or None
            change.is_external_id_gone = change.external_id is None
        case _ if not is_lenient:
            # Okta sends `id` along with a new name; what it sends of a group beyond that is not kept.
            raise Invalid(ScimType.INVALID_PATH, f"a group has no attribute {path.attribute[:100]!a} that can be changed")


def _apply_members(change: GroupChange, act: Act, path: Path, value: object) -> None:
    if path.conditions:
        [condition, *more] = path.conditions
        is_one = not more and (condition.attribute, condition.operator) == ("value", Operator.EQUAL)
        if act is not Act.REMOVE or not is_one or path.sub:
            raise Invalid(ScimType.INVALID_PATH, 'members are chosen by members[value eq "<id>"], to be removed')
        change.remove([str(condition.value)])
    elif act is Act.REMOVE:
        # Entra ID may name whom to remove in the value; without one, everybody goes.
        if value in (None, []):
            change.replace([])
        else:
            change.remove(parse_members(value))
    elif act is Act.ADD:
        change.add(parse_members(value if value is not None else []))
    else:
        change.replace(parse_members(value if value is not None else []))
