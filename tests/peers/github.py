"""GitHub as its documentation describes it, at the addresses of an enterprise server, and of the public one behind a reroute."""

from collections.abc import Callable
from typing import Any

from tests.peers.http_peer import PeerReply, PeerRequest
from tests.peers.oauth_peer import OAuthPeer


class GitHub(OAuthPeer):
    """One person is signed in to it; `emails` are theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.user: dict[str, Any] = {"login": "alice", "id": 583231, "name": "Alice Archer", "email": None, "type": "User"}
        self.emails: list[dict[str, Any]] = [
            {"email": "old@example.org", "primary": False, "verified": True, "visibility": None},
            {"email": "Alice@Example.com", "primary": True, "verified": True, "visibility": "private"},
        ]

    @property
    def endpoint(self) -> str:
        """The address of its API."""
        return f"{self.url}/api/v3"

    def settings(self) -> dict[str, str]:
        """The settings of an installation that knows it."""
        return {
            "GITHUB_OAUTH_ENDPOINT": self.endpoint,
            "GITHUB_OAUTH_ID": self.client_id,
            "GITHUB_OAUTH_SECRET": self.client_secret,
        }

    def routes(self) -> dict[tuple[str, str], Callable[[PeerRequest], PeerReply]]:
        api = {
            f"{start}/user{rest}": reply
            for start in ("/api/v3", "")
            for rest, reply in (("", self._user), ("/emails", self._emails))
        }
        return {
            ("GET", "/login/oauth/authorize"): self.authorize,
            ("POST", "/login/oauth/access_token"): self._token,
            **{("GET", path): reply for path, reply in api.items()},
        }

    def _token(self, asked: PeerRequest) -> PeerReply:
        assert asked.headers["Accept"] == "application/json"
        grant = self.redeem(asked)
        if grant is None:  # with status 200, as GitHub has it
            return PeerReply({"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."})
        return PeerReply({"access_token": self.issue(grant), "scope": "read:user,user:email", "token_type": "bearer"})

    def _user(self, asked: PeerRequest) -> PeerReply:
        return PeerReply(self.user) if self.grant_of(asked) else PeerReply({"message": "Requires authentication"}, 401)

    def _emails(self, asked: PeerRequest) -> PeerReply:
        grant = self.grant_of(asked)
        if grant is None or "user:email" not in grant.scope.split():
            return PeerReply({"message": "Not Found"}, 404)
        return PeerReply(self.emails)
