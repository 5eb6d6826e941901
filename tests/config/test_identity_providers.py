import pytest

from common.config import identity_providers
from common.config.identity_providers import Endpoint, GroupTeam
from common.config.plan import make_plan
from common.config.settings import Settings
from common.core.errors import StartUpError

SETTING = "STACKHOLD_OIDC_GROUP_TEAMS"


class TestGroupTeams:
    def test_are_read(self) -> None:
        """Groups lead to organizations or teams; a group's name may have equal signs, spaces and slashes."""
        found = identity_providers.group_teams(Settings({SETTING: " staff=acme , CN=Ops Team=acme/ops,/a/b=beta,"}))

        assert (
            GroupTeam("staff", "acme", None),
            GroupTeam("CN=Ops Team", "acme", "ops"),
            GroupTeam("/a/b", "beta", None),
        ) == found

    @pytest.mark.parametrize(
        "entry", ["staff", "=acme", "staff=", "staff=acme/", "staff=acme/a/b", "staff=/ops", "a= acme", "a=ac me", " =acme"]
    )
    def test_of_another_form_stop_the_start(self, entry: str) -> None:
        """No one finds out at a closed door that an entry was misspelled; the message names setting and entry."""
        with pytest.raises(StartUpError, match=SETTING):
            make_plan(Settings({SETTING: f"good=acme,{entry}"}))

    def test_have_a_limit(self) -> None:
        """Each sign-in looks at all of them."""
        with pytest.raises(StartUpError, match="501 entries"):
            identity_providers.group_teams(Settings({SETTING: ",".join(f"g{number}=acme" for number in range(501))}))


class TestRequireProviders:
    @pytest.mark.parametrize(
        ("given", "missing"),
        [
            ("GITHUB_OAUTH_ID", "GITHUB_OAUTH_SECRET"),
            ("GITLAB_OAUTH_SECRET", "GITLAB_OAUTH_ID"),
            ("STACKHOLD_OIDC_CLIENT_ID", "STACKHOLD_OIDC_ISSUER"),
        ],
    )
    def test_wants_all_of_a_provider(self, given: str, missing: str) -> None:
        """A provider that is set up by half stops the start, and the message names what is missing."""
        with pytest.raises(StartUpError, match=f"{missing} must be set with {given}"):
            make_plan(Settings({given: "x"}))

    @pytest.mark.parametrize(
        "address",
        [
            "id.example.com",
            "ftp://x",
            "https://",
            "https://x/?a=b",
            "https://x#a",
            "https://u@x",
            "https://[",
            "https://x y",
            "https://x:0x",
        ],
    )
    @pytest.mark.parametrize("name", ["STACKHOLD_OIDC_ISSUER", "GITHUB_OAUTH_ENDPOINT", "GITLAB_OAUTH_ENDPOINT"])
    def test_wants_addresses(self, name: str, address: str) -> None:
        """What is no address stops the start."""
        with pytest.raises(StartUpError, match=name):
            make_plan(
                Settings(
                    {name: address, "STACKHOLD_OIDC_ISSUER": "https://id.example.com", "STACKHOLD_OIDC_CLIENT_ID": "x"}
                    | {name: address}
                )
            )

    def test_wants_the_scope_of_openid(self) -> None:
        """Without it a provider gives no identity token."""
        with pytest.raises(StartUpError, match="openid"):
            make_plan(
                Settings(
                    {"STACKHOLD_OIDC_ISSUER": "https://x", "STACKHOLD_OIDC_CLIENT_ID": "x", "STACKHOLD_OIDC_SCOPES": "email"}
                )
            )

    def test_takes_secrets_that_can_be_sent(self) -> None:
        """A secret that no header can carry stops the start, and is not repeated."""
        with pytest.raises(StartUpError, match="GITLAB_OAUTH_SECRET") as caught:
            make_plan(Settings({"GITLAB_OAUTH_ID": "i", "GITLAB_OAUTH_SECRET": "pässword"}))

        assert "ssword" not in str(caught.value)


class TestEndpoints:
    @pytest.mark.parametrize(
        ("api", "web", "is_own"),
        [
            ("https://api.github.com", "https://github.com", False),
            ("https://api.github.com/", "https://github.com", False),
            ("https://ghe.example.com/api/v3", "https://ghe.example.com", True),
            ("https://api.acme.ghe.com", "https://acme.ghe.com", True),
        ],
    )
    def test_of_github(self, api: str, web: str, is_own: bool) -> None:
        """The setting has the API's address; an enterprise server is the operator's own."""
        assert Endpoint(web, api.rstrip("/"), is_own) == identity_providers.github(Settings({"GITHUB_OAUTH_ENDPOINT": api}))

    @pytest.mark.parametrize(
        ("web", "is_own"), [("https://gitlab.com", False), ("https://gitlab.com/", False), ("https://example.com/gitlab", True)]
    )
    def test_of_gitlab(self, web: str, is_own: bool) -> None:
        """Anything but gitlab.com is the operator's own."""
        clean = web.rstrip("/")

        assert Endpoint(clean, f"{clean}/api/v4", is_own) == identity_providers.gitlab(Settings({"GITLAB_OAUTH_ENDPOINT": web}))
