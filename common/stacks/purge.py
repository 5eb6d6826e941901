"""Finds deleted stacks whose time is up, and drops them: steps of the purge in common/stacks/updates/retention.py."""

from sqlalchemy import Connection

from common.stacks.repository import purge as repository


def claim_deleted(tx: Connection, before_millis: int) -> str | None:
    """Return the id of a stack that was deleted before a moment, or None; from now on nobody can bring it back."""
    found = repository.find_deleted(tx, before_millis)
    return found if found is not None and repository.claim(tx, found, before_millis) else None


def drop(tx: Connection, stack_id: str) -> None:
    """Drop a stack that has no updates left, with its tags and former names."""
    repository.drop(tx, stack_id)
