"""Trusted issuers on pages: the wizard for pipelines, policies, and what a job runs."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from common.backend import Backend
from common.ports.outbound import Outbound
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.sign_in.workload_identity.service import issuers
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.roles import hold, make_role
from tests.pages.org_pages import SETTINGS, make_issuer
from tests.pages.visiting import Visit, location, shown, values
from tests.peers.workload_issuer import Pipeline, WorkloadIssuer

pytestmark = pytest.mark.dialects("sqlite")
ISSUERS = f"{SETTINGS}/issuers"
GITHUB, GITLAB = f"{ISSUERS}/new/github", f"{ISSUERS}/new/gitlab"
# No JSON, no statement, no list, and one that is nested deeper than can be read.
BAD_POLICIES = ("x", "[]", "{}", '[{"rules":{"a":' + "[" * 20_000)
VERSION = r'name="version" value="([^"]*)"'


@pytest.fixture
def backend(backend: Backend) -> Iterator[Backend]:
    """The backend, which may call loopback."""
    opened = replace(backend, outbound=Outbound("127.0.0.1"))
    yield opened
    opened.outbound.close()


@pytest.fixture
def peer(clock: FrozenClock) -> Iterator[WorkloadIssuer]:
    """An issuer."""
    with WorkloadIssuer(lambda: clock.now().timestamp()) as running:
        yield running


class TestWizard:
    def test_is_filled_in(self, member: Visit) -> None:
        """The issuer's address and the audience are there already."""
        github, gitlab = member.open(GITHUB), member.open(GITLAB)

        assert 'value="https://token.actions.githubusercontent.com"' in github.text
        assert 'value="https://gitlab.com"' in gitlab.text
        assert "urn:pulumi:org:acme" in shown(github)
        assert 404 == member.open(f"{ISSUERS}/new/jenkins").status_code

    def test_lets_a_job_in(self, member: Visit, peer: WorkloadIssuer) -> None:
        """A job with the subject of the rule gets a token, one of another branch does not."""
        sent = member.submit(GITHUB, on=GITHUB, name="GitHub", url=peer.url, project="acme/shop", branch="main")
        page = member.open(location(sent).partition("?")[0])
        token = {
            branch: member.client.post(
                "/api/oauth/token", data=Pipeline(peer).form(peer.mint(sub=f"repo:acme/shop:ref:refs/heads/{branch}"))
            ).status_code
            for branch in ("main", "feature")
        }

        assert location(sent).endswith("?done=allowed")
        assert "sub = repo:acme/shop:ref:refs/heads/main" in shown(page)
        assert {"main": 200, "feature": 400} == token

    def test_adds_a_rule_to_an_issuer_that_is_trusted(
        self, backend: Backend, admin: Caller, member: Visit, peer: WorkloadIssuer
    ) -> None:
        """A second project is a second rule of the same issuer; with a team, a job is the team."""
        for project in ("acme/shop", "acme/web"):
            member.submit(GITLAB, on=GITLAB, name="GitLab", url=peer.url, project=project)
        member.submit(f"{SETTINGS}/teams", on=f"{SETTINGS}/teams", name="ops")
        sent = member.submit(GITLAB, on=GITLAB, name="GitLab", url=peer.url, project="acme/data", team="ops")
        text = shown(member.open(location(sent).partition("?")[0]))

        assert [3] == [len(issuer.statements) for issuer in issuers.list_issuers(backend, admin, "acme")]
        assert "team ops" in text
        assert "--oidc-team ops" in text
        assert "PULUMI_TOKEN" in text

    @pytest.mark.parametrize(
        "fields", [{"project": "shop"}, {"project": "*/*"}, {"branch": "a*b"}, {"url": "ftp://example.com"}, {"url": "x"}]
    )
    def test_refuses_what_is_no_job(self, backend: Backend, admin: Caller, member: Visit, fields: dict[str, str]) -> None:
        """Nothing is trusted after a form that cannot be taken; what was typed stays."""
        usual = {"name": "GitHub", "url": "http://127.0.0.1:9", "project": "acme/shop", "branch": "", "role": ""}
        page = member.submit(GITHUB, on=GITHUB, headers=None, **{**usual, **fields})

        assert 400 == page.status_code
        assert "There is a problem" in shown(page)
        assert [] == issuers.list_issuers(backend, admin, "acme")


class TestIssuer:
    @pytest.fixture
    def address(self, backend: Backend, admin: Caller) -> str:
        """The page of an issuer with one rule."""
        return f"{ISSUERS}/{make_issuer(backend, admin, 'cluster').id}"

    def test_is_listed_and_shown(self, member: Visit, address: str) -> None:
        """The list has its address, the page its policy."""
        text = shown(member.open(address))

        assert "https://kubernetes.default.svc" in shown(member.open(ISSUERS, q="CLUSTER"))
        assert "No issuers match" in shown(member.open(ISSUERS, q="%"))
        assert "Allow acme as member sub = cluster" in text

    def test_loses_a_rule(self, member: Visit, address: str) -> None:
        """Without its last rule, an issuer lets no job in; a page that is out of date is refused."""
        version = next(values(member.open(address), VERSION))
        removed = member.submit(f"{address}/rules/remove", on=address, number="0", version=version)
        stale = member.submit(f"{address}/rules/remove", on=address, number="0", version=version)
        version = next(values(member.open(address), VERSION))
        odd = [
            member.submit(f"{address}/rules/remove", on=address, number=number, version=version) for number in ("²", "9" * 5000)
        ]

        assert f"{address}?done=policy" == location(removed)
        assert "Deny acme Anything" in shown(member.open(address))
        assert [400, 400, 400] == [reply.status_code for reply in (stale, *odd)]

    def test_takes_a_policy_as_json(self, member: Visit, address: str) -> None:
        """The form takes what the API takes; all else is a problem on the page."""
        rule = '[{"decision":"deny","tokenType":"organization","rules":{"event_name":"pull_request"}}]'
        saved = member.submit(f"{address}/policy", on=address, policies=rule)
        refused = [member.submit(f"{address}/policy", on=address, policies=text).status_code for text in BAD_POLICIES]

        assert 303 == saved.status_code
        assert "Deny acme event_name = pull_request" in shown(member.open(address))
        assert [400, 400, 400, 400] == refused

    def test_is_deleted(self, backend: Backend, admin: Caller, member: Visit, address: str) -> None:
        """It is gone from the list."""
        assert f"{ISSUERS}?done=deleted" == location(member.submit(f"{address}/delete", on=address))
        assert [] == issuers.list_issuers(backend, admin, "acme")

    def test_of_a_reader_has_no_forms(self, backend: Backend, address: str) -> None:
        """Someone who may see issuers and no more sees no policy and no form."""
        carol = Visit(backend)
        carol.sign_in(make_user(backend, "carol", org="acme"))
        hold(backend, "carol", make_role(backend, Permission.OIDC_ISSUERS_READ, name="reader"))
        text = shown(carol.open(address))

        assert "https://kubernetes.default.svc" in text
        assert "Policy" not in text
        assert "Delete issuer" not in text
        assert 404 == carol.open(GITHUB).status_code

    def test_costs_few_statements(self, member: Visit, address: str, counter: Counter) -> None:
        """The visitor, the issuer and the roles."""
        for page in (address, ISSUERS, GITHUB):
            member.open(page)
            counter.reset()
            member.open(page)

            assert (6, 0, 0, 0) >= counter.cost


def test_of_an_address_is_trusted(member: Visit, peer: WorkloadIssuer) -> None:
    """Another issuer is trusted by its address, and allows nothing yet."""
    sent = member.submit(ISSUERS, on=ISSUERS, name="builds", url=peer.url)
    refused = member.submit(ISSUERS, on=ISSUERS, name="builds", url=peer.url)

    assert "No job may sign in yet" in shown(member.open(location(sent).partition("?")[0]))
    assert 400 == refused.status_code
