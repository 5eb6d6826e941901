"""GitLab as its documentation describes it: a self-managed server."""

from collections.abc import Callable
from typing import Any

from tests.peers.http_peer import PeerReply, PeerRequest
from tests.peers.oauth_peer import OAuthPeer


class GitLab(OAuthPeer):
    """One person is signed in to it."""

    def __init__(self) -> None:
        super().__init__()
        self.user: dict[str, Any] = {
            "id": 42,
            "username": "alice",
            "name": "Alice Archer",
            "state": "active",
            "email": "alice@example.com",
            "confirmed_at": "2024-05-23T09:05:22.990Z",
            "commit_email": "alice@example.org",
            "public_email": "",
            "two_factor_enabled": True,
        }

    def settings(self) -> dict[str, str]:
        """The settings of an installation that knows it."""
        return {"GITLAB_OAUTH_ENDPOINT": self.url, "GITLAB_OAUTH_ID": self.client_id, "GITLAB_OAUTH_SECRET": self.client_secret}

    def routes(self) -> dict[tuple[str, str], Callable[[PeerRequest], PeerReply]]:
        return {
            ("GET", "/oauth/authorize"): self.authorize,
            ("POST", "/oauth/token"): self._token,
            ("GET", "/api/v4/user"): self._user,
        }

    def _token(self, asked: PeerRequest) -> PeerReply:
        grant = self.redeem(asked)
        if grant is None:
            return PeerReply({"error": "invalid_grant", "error_description": "The provided authorization grant is invalid."}, 400)
        return PeerReply(
            {"access_token": self.issue(grant), "token_type": "Bearer", "expires_in": 7200, "refresh_token": "r", "created_at": 1}
        )

    def _user(self, asked: PeerRequest) -> PeerReply:
        grant = self.grant_of(asked)
        return (
            PeerReply(self.user)
            if grant and "read_user" in grant.scope.split()
            else PeerReply({"message": "401 Unauthorized"}, 401)
        )
