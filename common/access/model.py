"""The owner of an access token."""

from dataclasses import dataclass

from common.rights.caller import TokenKind


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """The owner of a token: a user, with `org_id` an organization's machine, with `team_id` a team's machine.

    With `issuer_id` the token is exchanged for an identity token; with `is_personal` it is a user's, for `org_id` alone.
    With `is_session` it is a browser's session.
    """

    user_id: str
    org_id: str | None = None
    team_id: str | None = None
    role_id: str | None = None
    is_admin: bool = False
    issuer_id: str | None = None
    is_personal: bool = False
    is_session: bool = False

    @property
    def kind(self) -> TokenKind:
        """Return the kind of token."""
        if self.is_session:
            return TokenKind.SESSION
        if self.org_id is None or self.is_personal:
            return TokenKind.PERSONAL
        return TokenKind.ORGANIZATION if self.team_id is None else TokenKind.TEAM


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser of a user. Times in unix milliseconds; `provider` says how they signed in there."""

    id: str
    provider: str
    created_at: int
    last_used_at: int | None
    expires_at: int
