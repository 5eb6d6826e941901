"""Entries of the audit log, and how they are asked for. No I/O."""

from dataclasses import dataclass

from common.audit.events import Event

DESCRIPTION_LIMIT = 2_048
NAME_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something, by the token that they did it with, and from where."""

    user_id: str
    login: str
    token_id: str | None = None
    token_name: str = ""
    source_ip: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done; `recorded_at` in unix milliseconds. Name, address and picture are the actor's of today."""

    id: str
    recorded_at: int
    event: str
    description: str
    actor: Actor
    name: str
    email: str
    avatar_url: str

    @property
    def kind(self) -> Event | None:
        """Return the event, or None for one that only another release records."""
        return next((event for event in Event if event == self.event), None)


@dataclass(frozen=True, slots=True)
class Search:
    """Which entries are wanted: times in unix milliseconds, both bounds included; empty sets mean all."""

    since: int | None = None
    until: int | None = None
    events: frozenset[str] = frozenset()
    user_ids: frozenset[str] = frozenset()
