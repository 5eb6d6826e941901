"""The effective rules of a record with the records that it composes, updated when one of those changes."""

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
    """A descriptor with the composed records filled in, its text, and the ids of those records."""

    rules: Descriptor
    text: str
    composed: frozenset[str]


def compose(tx: Connection, org_id: str, role_id: str, details: str) -> Composition:
    """Return the effective rules of a record's details; BadRequest for an unknown record, a cycle or too large a result."""
    descriptor = d.decode(details.encode())
    ids = frozenset(d.references(descriptor))
    custom = ids - BY_ID.keys()
    if custom:
        require_acyclic(role_id, custom, roles.find_references(tx, org_id))
    rules = {custom_id: parse(text) for custom_id, text in roles.find_rules(tx, org_id, custom).items()} if custom else {}
    return _resolve(descriptor, {**_built_ins(ids), **rules}, ids)


def rewrite_composers(tx: Connection, org_id: str, role_id: str, rules: Descriptor | None) -> None:
    """Update the effective rules of all records that compose a record, directly or not; `rules` is None for a deleted record."""
    references = roles.find_references(tx, org_id)
    ordered = composers_in_order(role_id, references)
    if not ordered:
        return
    composers = {record.id: record for record in roles.find_several(tx, org_id, ordered)}
    others = frozenset().union(*(references[composer_id] for composer_id in ordered)) - set(ordered) - {role_id}
    texts = roles.find_rules(tx, org_id, others - BY_ID.keys()) if others - BY_ID.keys() else {}
    known = {**_built_ins(others), **{other_id: parse(text) for other_id, text in texts.items()}}
    if rules is not None:
        known[role_id] = rules
    changed: dict[str, str] = {}
    for composer_id in ordered:
        composition = _recompose(composers[composer_id], known)
        known[composer_id], changed[composer_id] = composition.rules, composition.text
    roles.update_rules(tx, changed)


def _recompose(record: Record, known: Mapping[str, Descriptor]) -> Composition:
    descriptor = d.decode(record.details.encode())
    ids = frozenset(d.references(descriptor))
    try:
        # The details still name a record that was deleted by force; it has no permissions any more.
        return _resolve(descriptor, {composed_id: known.get(composed_id, _NOTHING) for composed_id in ids}, ids)
    except BadRequest as error:
        raise BadRequest(f"role {record.name!a}, which composes this one, would be too large: {error.message}") from error


def _resolve(descriptor: Descriptor, records: dict[str, Descriptor], ids: frozenset[str]) -> Composition:
    rules = d.resolve(descriptor, records)
    # Counted before it is encoded: a record that is composed many times is one value in memory and many in the text.
    sizes = {composed_id: len(d.encode(records[composed_id]).encode()) for composed_id in ids}
    size = len(d.encode(descriptor).encode()) + sum(sizes[composed_id] for composed_id in d.references(descriptor))
    if size > TEXT_LIMIT_BYTES:
        raise BadRequest(
            f"a role may have at most {TEXT_LIMIT_BYTES:,} bytes with the records that it composes, and not {size:,}"
        )
    d.check(rules)
    return Composition(rules, d.encode(rules), ids)


def _built_ins(ids: frozenset[str]) -> dict[str, Descriptor]:
    return {role_id: BY_ID[role_id].descriptor for role_id in ids if role_id in BY_ID}
