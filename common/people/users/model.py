"""A user as others see them. No I/O."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A user as lists, teams, invitations and stacks show them; the texts are empty for a user who no longer exists."""

    id: str
    login: str
    name: str
    email: str
    avatar_url: str
