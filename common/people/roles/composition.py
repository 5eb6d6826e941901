"""What a record comes to with everything that it composes, kept up to date when one of those changes."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from common.core.errors import BadRequest
from common.people.roles.model import Record, composers_in_order, require_acyclic
from common.people.roles.repository import roles
from common.rights import descriptor as d
from common.rights.built_in import BY_ID
from common.rights.descriptor import TEXT_LIMIT_BYTES, Descriptor, Group
from common.rights.rules import parse

_NOTHING = Group(entries=[])


@dataclass(frozen=True, slots=True)
class Composition:
    """A descriptor with the records that it composes put in, its text, and their ids."""

    rules: Descriptor
    text: str
    composed: frozenset[str]


def compose(tx: Connection, org_id: str, role_id: str, details: str) -> Composition:
    """Return what a record's details come to; BadRequest for an unknown record, itself among them, or too large a result."""
    descriptor = d.decode(details.encode())
    ids = frozenset(d.references(descriptor))
    custom = ids - BY_ID.keys()
    if custom:
        require_acyclic(role_id, custom, roles.find_references(tx, org_id))
    found = {found: parse(text) for found, text in roles.find_rules(tx, org_id, custom).items()} if custom else {}
    return _resolved(descriptor, {**_built_ins(ids), **found}, ids)


def rewrite_composers(tx: Connection, org_id: str, role_id: str, rules: Descriptor | None) -> None:
    """Store anew what every record that composes one comes to, directly or not; `rules` None when that one goes away."""
    references = roles.find_references(tx, org_id)
    ordered = composers_in_order(role_id, references)
    if not ordered:
        return
    composers = {record.id: record for record in roles.find_several(tx, org_id, ordered)}
    others = frozenset().union(*(references[found] for found in ordered)) - set(ordered) - {role_id}
    texts = roles.find_rules(tx, org_id, others - BY_ID.keys()) if others - BY_ID.keys() else {}
    known = {**_built_ins(others), **{found: parse(text) for found, text in texts.items()}}
    if rules is not None:
        known[role_id] = rules
    changed: dict[str, str] = {}
    for found in ordered:
        composition = _recomposed(composers[found], known)
        known[found], changed[found] = composition.rules, composition.text
    roles.update_rules(tx, changed)


def _recomposed(record: Record, known: Mapping[str, Descriptor]) -> Composition:
    descriptor = d.decode(record.details.encode())
    ids = frozenset(d.references(descriptor))
    try:
        # What was deleted by force is named in the details still, and gives nothing any more.
        return _resolved(descriptor, {found: known.get(found, _NOTHING) for found in ids}, ids)
    except BadRequest as error:
        raise BadRequest(f"role {record.name!a}, which composes this one, would be too large: {error.message}") from error


def _resolved(descriptor: Descriptor, records: dict[str, Descriptor], ids: frozenset[str]) -> Composition:
    rules = d.resolve(descriptor, records)
    # Counted before it is written out: what is composed many times is one value in memory and many in the text.
    sizes = {found: len(d.encode(records[found]).encode()) for found in ids}
    size = len(d.encode(descriptor).encode()) + sum(sizes[found] for found in d.references(descriptor))
    if size > TEXT_LIMIT_BYTES:
        raise BadRequest(
            f"a role may have {TEXT_LIMIT_BYTES:,} bytes with all that it composes, and this one would have {size:,}"
        )
    d.check(rules)
    return Composition(rules, d.encode(rules), ids)


def _built_ins(ids: frozenset[str]) -> dict[str, Descriptor]:
    return {found: BY_ID[found].descriptor for found in ids if found in BY_ID}
