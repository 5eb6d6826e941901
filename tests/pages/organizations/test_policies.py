"""Pages about policies: packs, groups with their rules, issues, exceptions, compliance, and what each costs."""

import re
from urllib.parse import urlencode

import msgspec
import pytest

from common.backend import Backend
from common.policies.exceptions import service as exceptions
from common.policies.exceptions.model import Match, NewException
from common.policies.groups import service as groups
from common.policies.groups.model import Group
from common.policies.issues import service as issues
from common.rights import descriptor as d
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.model import StackPath
from functions.pages.organizations.policy_rules import make_rule, read_rule
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import make_user
from tests.factories.policy_texts import make_issue, make_pack, make_policies
from tests.factories.roles import hold, make_role
from tests.factories.stacks import make_stack
from tests.pages.org_pages import SETTINGS
from tests.pages.visiting import Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
POLICIES = f"{SETTINGS}/policies"
PACKS, GROUPS, ISSUES, EXCEPTIONS, COMPLIANCE = (
    f"{POLICIES}/{name}" for name in ("packs", "groups", "issues", "exceptions", "compliance")
)
GUARD, PROD = f"{PACKS}/guard", f"{GROUPS}/prod"
ROW = r'<th scope="row"[^>]*><a href="[^"]*"[^>]*>([^<]*)<'


@pytest.fixture
def stack(backend: Backend, admin: Caller) -> StackPath:
    """The stack acme/shop/dev."""
    return make_stack(backend, admin, tags={"env": "dev"})


@pytest.fixture
def made(backend: Backend, admin: Caller, stack: StackPath) -> dict[str, str]:
    """A pack that a group applies to the stack, with an issue and an exception."""
    return make_policies(backend, admin, stack)


def rows(visit: Visit, path: str, **query: str) -> list[str]:
    """What the rows of a list begin with."""
    page = visit.open(path, **query)
    assert 200 == page.status_code
    return list(values(page, ROW))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (PACKS, "No policy packs yet"),
        (GROUPS, "default-policy-group"),
        (ISSUES, "No active issues"),
        (EXCEPTIONS, "No active exceptions"),
        (COMPLIANCE, "No policy has run yet"),
        (f"{COMPLIANCE}?by=policy", "No policy has run yet"),
    ],
)
def test_empty_pages_say_what_will_be_there(member: Visit, path: str, text: str) -> None:
    """A list without rows says how to get some."""
    assert text in shown(member.open(path))


def test_menu_leads_to_the_first_page_that_one_may_see(backend: Backend, admin: Caller, member: Visit) -> None:
    """An administrator begins with compliance, a plain member with the groups, and a role without policies has no entry."""
    assert admin.site_admin
    bob, rita = Visit(backend), Visit(backend)
    bob.sign_in(make_user(backend, "bob", org="acme"))
    rita.sign_in(make_user(backend, "rita", org="acme"))
    hold(backend, "rita", make_role(backend, Permission.STACK_READ, name="reader"))

    assert f'<a href="{COMPLIANCE}"' in member.open("/acme").text
    assert f'<a href="{GROUPS}"' in bob.open("/acme").text
    assert POLICIES not in rita.open("/acme").text


@pytest.mark.usefixtures("made")
def test_costs_few_statements(backend: Backend, admin: Caller, stack: StackPath, member: Visit, counter: Counter) -> None:
    """Each page costs at most six statements, however much it shows."""
    for number in range(20):
        make_stack(backend, admin, f"s{number}")
        make_issue(backend, admin, stack, urn=f"urn:pulumi:dev::shop::a:b:C::{number}")
        make_pack(backend, admin, "acme", tag=f"2.{number}")
    issue = issues.page_issues(backend, admin, "acme", issues.IssueQuery())[0][0].id
    pages = [
        PACKS,
        GUARD,
        f"{GUARD}/versions/1.0.0",
        GROUPS,
        PROD,
        f"{GROUPS}/default-policy-group",
        f"{ISSUES}?q=hello&severity=high&stack=shop/dev&sort=severity",
        f"{ISSUES}/{issue}",
        EXCEPTIONS,
        f"{EXCEPTIONS}/EXC-1",
        COMPLIANCE,
        f"{COMPLIANCE}?by=severity",
        f"{COMPLIANCE}?by=policy",
        "/acme/shop/dev/policies",
    ]
    costs = {}
    for page in pages:
        member.open(page)
        counter.reset()
        assert 200 == member.open(page).status_code
        costs[page] = counter.statements

    assert {} == {page: cost for page, cost in costs.items() if cost > 6}


class TestPacks:
    @pytest.mark.usefixtures("made")
    def test_shows_versions_policies_and_groups(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A pack is listed, and its page has the policies with their schemas, the versions, and the groups that apply it."""
        make_pack(backend, admin, "acme", "costs", tag="2.0.0")
        newest, first = shown(member.open(GUARD)), shown(member.open(f"{GUARD}/versions/1.0.0"))

        assert ["hello"] == rows(member, PACKS)
        assert [] == rows(member, PACKS, q="other")
        assert "Policies of version 2.0.0" in newest
        assert "costs" in newest
        assert "Policies of version 1.0.0" in first
        assert "Configuration schema" in first
        assert 404 == member.open(f"{GUARD}/versions/9").status_code
        assert f"{GUARD}/versions/1.0.0" == location(member.open("/acme/insights/policypacks/guard/1.0.0"))

    @pytest.mark.usefixtures("stack")
    def test_is_enabled_disabled_and_deleted(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A version that a group applies is kept, with the reason; after it was disabled it can be deleted."""
        make_pack(backend, admin, "acme")
        default = "default-policy-group"
        enabled = member.submit(f"{GUARD}/enable", on=GUARD, group=default, version="1.0.0", config='{"tags": "advisory"}')
        assert f"{GUARD}?done=enabled" == location(enabled)
        (applied,) = groups.get_group(backend, admin, "acme", default).packs
        assert ("1.0.0", '{"tags":"advisory"}') == (applied.tag, applied.config)
        refused = member.submit(f"{GUARD}/versions/1.0.0/delete", on=GUARD)
        assert (409, True) == (refused.status_code, "is enabled in a policy group" in shown(refused))
        assert 400 == member.submit(f"{GUARD}/delete", on=GUARD).status_code
        assert f"{GUARD}?done=disabled" == location(member.submit(f"{GUARD}/disable", on=GUARD, group=default))
        make_pack(backend, admin, "acme", tag="2.0.0")
        assert f"{GUARD}?done=deleted" == location(member.submit(f"{GUARD}/versions/1.0.0/delete", on=GUARD))
        assert f"{PACKS}?done=deleted" == location(member.submit(f"{GUARD}/versions/2.0.0/delete", on=GUARD))
        assert 404 == member.open(GUARD).status_code

    @pytest.mark.usefixtures("made")
    @pytest.mark.parametrize("config", ["[]", "{", '{"unknown": "advisory"}', '{"hello": "never"}'])
    def test_refuses_a_bad_configuration(self, member: Visit, config: str) -> None:
        """The form comes back with what was written, and what is wrong with it."""
        page = member.submit(f"{GUARD}/enable", on=GUARD, group="prod", version="1.0.0", config=config)

        assert (400, True) == (page.status_code, "There is a problem" in shown(page))
        assert [config] == [*values(page, r'<textarea id="config"[^>]*>([^<]*)<')]


class TestGroups:
    def test_lives_from_its_form_to_its_deletion(self, backend: Backend, admin: Caller, member: Visit, stack: StackPath) -> None:
        """A group is created, gets a stack and a pack, a rule, another name, and is deleted."""
        make_pack(backend, admin, "acme")
        made = member.submit(GROUPS, on=GROUPS, name="prod", mode="audit")
        assert f"{PROD}?done=created" == location(made)
        assert 409 == member.submit(GROUPS, on=GROUPS, name="prod", mode="audit").status_code
        name = f"{stack.project}/{stack.name}"
        saved = f"{PROD}?done=saved"
        assert saved == location(member.submit(f"{PROD}/stacks", on=PROD, stack=name))
        assert saved == location(member.submit(f"{PROD}/packs", on=PROD, pack="guard", version="", config=""))
        assert saved == location(member.submit(f"{PROD}/rule", on=PROD, join="any", lines="env=prod\nteam", json=""))
        text = shown(member.open(PROD))
        assert "stack has tag env = prod or stack has tag team" in text
        assert "shop/dev Added" in text
        assert saved == location(member.submit(f"{PROD}/rule/remove", on=PROD))
        assert saved == location(member.submit(f"{PROD}/stacks/remove", on=PROD, stack=name))
        assert saved == location(member.submit(f"{PROD}/packs/remove", on=PROD, pack="guard"))
        assert f"{GROUPS}/live?done=saved" == location(member.submit(f"{PROD}/name", on=PROD, name="live"))
        details = groups.get_group(backend, admin, "acme", "live")
        assert ((), (), None) == (details.members, details.packs, details.group.stack_rule)
        assert f"{GROUPS}?done=deleted" == location(member.submit(f"{GROUPS}/live/delete", on=f"{GROUPS}/live"))

    @pytest.mark.usefixtures("made")
    @pytest.mark.parametrize(
        ("part", "fields", "reason"),
        [
            ("stacks", {"stack": "dev"}, "project/stack"),
            ("stacks", {"stack": "shop/none"}, "not found"),
            ("packs", {"pack": "none"}, "not found"),
            ("rule", {"lines": "=x"}, "names no tag"),
            ("rule", {"lines": ""}, "at least one condition"),
            ("rule/preview", {"json": "{}"}, "Invalid match rule"),
            ("name", {"name": "a b"}, "Invalid policy group name"),
            ("name", {"name": "default-policy-group"}, "already exists"),
        ],
    )
    def test_says_what_is_wrong(self, member: Visit, part: str, fields: dict[str, str], reason: str) -> None:
        """A form that cannot be taken comes back with the reason."""
        page = member.submit(f"{PROD}/{part}", on=PROD, headers=None, **fields)

        assert 400 <= page.status_code < 500
        assert reason in shown(page)

    @pytest.mark.usefixtures("stack")
    def test_previews_a_rule(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """A preview has the stacks that match, stores nothing, and its form stores that rule."""
        make_stack(backend, admin, "live", tags={"env": "prod"})
        groups.create_group(backend, admin, "acme", Group("", "prod"))
        page = member.submit(f"{PROD}/rule/preview", on=PROD, join="all", lines="env=prod")

        assert ["shop/live"] == [*values(page, ROW)]
        assert "1 of the 2 stacks that you may see" in shown(page)
        assert groups.get_group(backend, admin, "acme", "prod").group.stack_rule is None
        (rule,) = values(page, r'name="json" value="([^"]*)"')
        assert f"{PROD}?done=saved" == location(member.submit(f"{PROD}/rule", on=PROD, json=rule))
        assert ["live"] == [member.stack.name for member in groups.get_group(backend, admin, "acme", "prod").members]

    def test_default_group_has_no_name_rule_or_end(self, member: Visit) -> None:
        """The default group's page has no forms for what it cannot do, and a request for that is refused."""
        default = f"{GROUPS}/default-policy-group"
        page = member.open(default)

        assert "Match rule" not in shown(page)
        assert "Delete policy group" not in shown(page)
        assert 400 == member.submit(f"{default}/delete", on=default).status_code

    @pytest.mark.parametrize(
        "lines", ["env=prod", "env!=prod\nteam", "!env", "team=a=b"], ids=["equal", "two", "without", "equals sign"]
    )
    @pytest.mark.parametrize("join", ["all", "any"])
    def test_reads_rules_as_they_were_written(self, join: str, lines: str) -> None:
        """Lines become a rule that is shown as the same lines."""
        rule = read_rule(make_rule(join, lines))

        assert (lines, join if "\n" in lines else "all") == (rule.lines, rule.join)

    def test_shows_other_rules_as_json(self) -> None:
        """A rule that lines cannot say is in the JSON field alone."""
        tag = d.Tag(context=d.Stack(), key="env")
        both = d.Or(
            left=d.And(left=d.HasTag(context=d.Stack(), key="a"), right=d.HasTag(context=d.Stack(), key="b")),
            right=d.Equal(left=tag, right=d.LiteralString(value=" x ")),
        )
        rule = read_rule(msgspec.json.encode(both).decode())

        assert ("", True) == (rule.lines, "PermissionExpressionOr" in rule.json)
        assert "stack has tag env =  x " in rule.words


class TestIssues:
    @pytest.fixture(autouse=True)
    def two(self, backend: Backend, admin: Caller, made: dict[str, str], stack: StackPath) -> None:
        """A second issue, of another stack."""
        assert "guard" == made["pack"]
        assert "dev" == stack.name
        live = make_stack(backend, admin, "live")
        make_issue(backend, admin, live, "tags", text="tags are missing", severity="low", urn="urn:pulumi:live::shop::a:b:C::db")

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, {"hello", "tags"}),
            ({"q": "missing"}, {"tags"}),
            ({"severity": "low"}, {"tags"}),
            ({"policy": "hello"}, {"hello"}),
            ({"pack": "guard", "stack": "shop/live"}, {"tags"}),
            ({"stack": "shop"}, {"hello", "tags"}),
            ({"stack": "shop/none"}, set()),
            ({"status": "closed"}, set()),
            ({"status": "open"}, {"hello", "tags"}),
            ({"assignee": "admin"}, set()),
            ({"status": "nonsense", "sort": "nonsense"}, {"hello", "tags"}),
        ],
    )
    def test_is_narrowed_by_its_address(self, member: Visit, query: dict[str, str], expected: set[str]) -> None:
        """The filters are a part of the address, and the export has the same ones."""
        assert expected == set(rows(member, ISSUES, **query))
        exported = member.open(f"{ISSUES}/export", **query)
        assert len(expected) == len(exported.text.splitlines()) - 1
        assert "attachment" in exported.headers["content-disposition"]
        page = member.open(ISSUES, **query)
        address = f"{ISSUES}/export?{urlencode(query)}" if query else f"{ISSUES}/export"
        assert not expected or address.replace("&", "&amp;") in page.text

    def test_is_sorted(self, member: Visit) -> None:
        """Severities are in the order of their meaning."""
        assert ["hello", "tags"] == rows(member, ISSUES, sort="severity")

    def test_is_changed(self, backend: Backend, admin: Caller, member: Visit, made: dict[str, str]) -> None:
        """Status, priority and assignee are set; what a person cannot set comes back with the reason."""
        path = f"{ISSUES}/{made['issue_id']}"
        changed = member.submit(path, on=path, status="in_progress", priority="p0", assignee="admin")
        assert f"{path}?done=saved" == location(changed)
        issue, _ = issues.get_issue(backend, admin, "acme", made["issue_id"])
        assert issue.assignee is not None
        assert ("in_progress", "p0", "admin") == (issue.status, issue.priority, issue.assignee.login)
        wrong = member.submit(path, on=path, status="fixed", priority="p0", assignee="admin")
        assert (400, True) == (wrong.status_code, "Status must be one of" in shown(wrong))
        stranger = member.submit(path, on=path, status="open", priority="p0", assignee="nobody")
        assert (400, ["nobody"]) == (stranger.status_code, [*values(stranger, r'name="assignee"[^>]* value="([^"]*)"')])
        assert 404 == member.open(f"{ISSUES}/none").status_code

    def test_leads_to_an_exception(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """The page of an issue has the exceptions for it, and creates one for its policy and resource."""
        other = next(row for row in issues.page_issues(backend, admin, "acme", issues.IssueQuery())[0] if row.policy == "tags")
        path = f"{ISSUES}/{other.id}"
        fields = {"pack": "guard", "policies": other.policy, "targets": other.urn}
        made = member.submit(EXCEPTIONS, on=path, reason="legacy", expires="7", headers=None, **fields)
        assert f"{EXCEPTIONS}/EXC-2?done=created" == location(made)
        assert "EXC-2" in shown(member.open(path))


class TestExceptions:
    @pytest.mark.usefixtures("made")
    def test_is_created_changed_and_removed(self, backend: Backend, admin: Caller, member: Visit, clock: FrozenClock) -> None:
        """An exception has an end, which can be moved; a removed one is in the list of the removed ones."""
        fields = {"pack": "guard", "policies": "a\nb", "targets": "urn:pulumi:dev::shop::a:b:C::x", "reason": "legacy"}
        made = member.submit(EXCEPTIONS, on=EXCEPTIONS, expires="30", headers=None, **fields)
        path = f"{EXCEPTIONS}/EXC-2"
        assert f"{path}?done=created" == location(made)
        assert f"{path}?done=saved" == location(member.submit(EXCEPTIONS, on=EXCEPTIONS, expires="7", headers=None, **fields))
        assert f"{path}?done=saved" == location(member.submit(path, on=path, reason="other", expires=""))
        exception = exceptions.get_exception(backend, admin, "acme", "EXC-2")
        assert ("other", None) == (exception.reason, exception.expires_at)
        member.submit(path, on=path, reason="short", expires="7")
        assert ["EXC-2", "EXC-1"] == rows(member, EXCEPTIONS)
        assert ["EXC-2"] == rows(member, EXCEPTIONS, policy="b")
        clock.pass_seconds(8 * 86_400)
        member.sign_in()
        assert "Expired" in shown(member.open(path))
        assert ["EXC-1"] == rows(member, EXCEPTIONS)
        first = f"{EXCEPTIONS}/EXC-1"
        assert f"{first}?done=removed" == location(member.submit(f"{first}/remove", on=first))
        assert ["EXC-2", "EXC-1"] == rows(member, EXCEPTIONS, status="removed")
        assert 409 == member.submit(f"{first}/remove", on=EXCEPTIONS).status_code
        assert 400 == member.submit(first, on=EXCEPTIONS, reason="x", expires="7").status_code

    @pytest.mark.usefixtures("made")
    @pytest.mark.parametrize(
        "fields", [{"reason": " "}, {"targets": "data"}, {"policies": ""}, {"pack": "none"}, {"expires": "8"}]
    )
    def test_comes_back_with_what_is_wrong(self, member: Visit, fields: dict[str, str]) -> None:
        """A form that cannot be taken keeps what was written."""
        good = {"pack": "guard", "policies": "a", "targets": "urn:pulumi:dev::shop::a:b:C::x", "reason": "kept", "expires": "7"}
        page = member.submit(EXCEPTIONS, on=EXCEPTIONS, headers=None, **{**good, **fields})

        assert page.status_code in (400, 404)
        assert "There is a problem" in shown(page)
        assert "reason" in fields or "kept" in page.text

    @pytest.mark.usefixtures("made")
    def test_is_paged(self, backend: Backend, admin: Caller, member: Visit) -> None:
        """Fifty a page, with a link to older ones that keeps the filters."""
        for number in range(51):
            match = Match([f"p{number}"], ["urn:pulumi:dev::shop::a:b:C::x"])
            exceptions.create_exception(backend, admin, "acme", NewException("guard", (match,), "legacy"))
        page = member.open(EXCEPTIONS, pack="guard")
        (older,) = values(page, r'<a href="([^"]*)" rel="next">Older')

        assert 50 == len([*values(page, ROW)])
        assert ["EXC-2", "EXC-1"] == rows(member, older)
        assert "pack=guard" in older
        assert 400 == member.open(EXCEPTIONS, after="nonsense").status_code


@pytest.mark.usefixtures("made")
class TestCompliance:
    @pytest.mark.parametrize(("by", "text"), [("", "shop/dev 75%"), ("severity", "Hello 75%"), ("policy", "75%"), ("x", "75%")])
    def test_is_by_stack_severity_or_policy(self, backend: Backend, admin: Caller, member: Visit, by: str, text: str) -> None:
        """The share of resources that pass, with the totals above."""
        make_issue(backend, admin, StackPath("acme", "shop", "dev"), "hello", text="hello", severity="hello")
        page = shown(member.open(COMPLIANCE, by=by))

        assert text in page
        assert "Policies that ran 1" in page

    def test_of_a_stack_is_on_its_page(self, member: Visit) -> None:
        """A stack's page has the packs of its groups, its open issues and how it complies."""
        page = member.open("/acme/shop/dev/policies")
        text = shown(page)

        for part in ("hello 1.0.0 prod Preventative", "Open issues", "guard", "75%"):
            assert part in text
        assert re.search(rf'href="{ISSUES}/[0-9a-f-]+"', page.text)


def test_stack_without_policies_says_so(backend: Backend, stack: StackPath) -> None:
    """A member who sees no results sees the groups of the stack alone."""
    assert "dev" == stack.name
    bob = Visit(backend)
    bob.sign_in(make_user(backend, "bob", org="acme"))
    text = shown(bob.open("/acme/shop/dev/policies"))

    assert "run no policy pack" in text
    assert "Open issues" not in text
