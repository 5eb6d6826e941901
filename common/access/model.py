"""The owner of an access token."""

from dataclasses import dataclass

from common.rights.caller import TokenKind


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whose token it is: a person's, or with `org_id` an organization's, and with `team_id` a team's, by its machine.

    With `issuer_id` it is given for an identity token; `is_personal` then says that it is a person's, in `org_id` alone.
    `is_session`: a browser's.
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
