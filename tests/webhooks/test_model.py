"""Rules of webhooks: their names, settings, filters and cycles."""

from dataclasses import replace
from typing import Any

import pytest

from common.core.errors import BadRequest
from common.webhooks.model import Format, Owner, Webhook, allowed_filters, has_cycle, parse_format, require_name, require_settings
from tests.factories.webhooks import settings_of

URL = "https://hooks.example.com/x"


def webhook(*, owner: Owner = Owner.ORGANIZATION, **settings: Any) -> Webhook:
    """Return a webhook with settings."""
    return Webhook("id", "org", "x", "hook", settings_of(URL, **settings), None, owner=owner)


class TestSubscription:
    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({}, {"update_failed", "preview_succeeded", "stack_created"}),
            ({"groups": ("stacks",)}, {"update_failed", "preview_succeeded", "stack_created"}),
            ({"groups": ("policies",)}, set()),
            ({"filters": ("update_failed",)}, {"update_failed"}),
            (
                {"groups": ("stacks",), "filters": ("update_started",)},
                {"update_failed", "preview_succeeded", "stack_created", "update_started"},
            ),
            ({"filters": ("update_started",)}, {"update_started"}),
        ],
    )
    def test_is_the_union_of_filters_and_groups(self, settings: dict[str, Any], expected: set[str]) -> None:
        """Neither means all of upstream's events; the start of an update is sent only to those who name it."""
        events = ("update_failed", "preview_succeeded", "stack_created", "update_started")

        assert expected == {event for event in events if webhook(**settings).is_subscribed(event)}

    def test_of_a_stack_has_no_events_of_the_organization(self) -> None:
        """A stack's webhook does not report that stacks are created or deleted, whatever its groups."""
        of_stack = webhook(owner=Owner.STACK, groups=("stacks",))

        assert (False, True) == (of_stack.is_subscribed("stack_deleted"), of_stack.is_subscribed("update_failed"))


class TestSettings:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"display_name": ""}, "displayName"),
            ({"display_name": "  "}, "displayName"),
            ({"display_name": "x" * 256}, "displayName"),
            ({"payload_url": ""}, "payloadUrl"),
            ({"payload_url": "https://example.com/" + "x" * 2_048}, "payloadUrl"),
            ({"secret": "ü" * 513}, "secret has more than 1,024 bytes"),
            ({"filters": ("update_ended",)}, "filter 'update_ended' is not one of"),
            ({"groups": ("everything",)}, "group 'everything' is not one of"),
            ({"format": Format.DEPLOYMENTS, "payload_url": URL}, "project/stack"),
        ],
    )
    def test_are_checked(self, change: dict[str, Any], reason: str) -> None:
        """Settings that cannot be kept or used are refused, with the field."""
        with pytest.raises(BadRequest, match=reason):
            require_settings(replace(settings_of(URL), **change), Owner.STACK)

    def test_of_environments_have_their_own_groups(self) -> None:
        """An environment's webhook takes the events of environments, but not that one is created or deleted."""
        require_settings(settings_of(URL, groups=("environments",), filters=("environment_tag_created",)), Owner.ENVIRONMENT)
        for values in ({"groups": ("stacks",)}, {"filters": ("environment_created",)}, {"filters": ("update_failed",)}):
            with pytest.raises(BadRequest):
                require_settings(settings_of(URL, **values), Owner.ENVIRONMENT)

    @pytest.mark.parametrize(("group", "event"), [("environments", "environment_created"), ("change_requests", "stack_created")])
    def test_of_stacks_have_no_groups_of_organizations(self, group: str, event: str) -> None:
        """A stack's webhook takes neither groups nor filters of the organization."""
        require_settings(settings_of(URL, groups=(group,), filters=(event,)), Owner.ORGANIZATION)
        for values in ({"groups": (group,)}, {"filters": (event,)}):
            with pytest.raises(BadRequest):
                require_settings(settings_of(URL, **values), Owner.STACK)

    def test_of_organizations_start_no_deployments(self) -> None:
        """Only a stack's webhook starts deployments."""
        settings = settings_of("shop/dev", format=Format.DEPLOYMENTS)
        require_settings(settings, Owner.STACK)
        with pytest.raises(BadRequest, match="only webhooks of stacks"):
            require_settings(settings, Owner.ORGANIZATION)

    def test_filters_of_both_kinds(self) -> None:
        """Every documented filter is taken, and ours."""
        for_org, for_stack = allowed_filters(Owner.ORGANIZATION), allowed_filters(Owner.STACK)

        assert len(for_org) == len(set(for_org))
        assert {"stack_created", "stack_deleted"} == {name for name in for_org if name.startswith("stack_")}
        assert "update_started" in for_stack
        assert "stack_created" not in for_stack


class TestNames:
    @pytest.mark.parametrize("name", ["a", "my-hook_1.2", "x" * 100])
    def test_are_parts_of_addresses(self, name: str) -> None:
        """Letters, digits, dots, dashes and underscores."""
        require_name(name)

    @pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "ü", "x" * 101, "a\n"])
    def test_are_refused(self, name: str) -> None:
        """What would need quoting in an address, or lead elsewhere, is no name."""
        with pytest.raises(BadRequest):
            require_name(name)

    def test_formats(self) -> None:
        """No format is `raw`; an unknown one is refused."""
        assert (Format.RAW, Format.TEAMS) == (parse_format(""), parse_format("ms_teams"))
        with pytest.raises(BadRequest, match="raw, slack, ms_teams, pulumi_deployments"):
            parse_format("xml")


class TestCycles:
    @pytest.mark.parametrize(
        ("others", "expected"),
        [
            ([], False),
            ([("p/b", "p/c"), ("p/c", "p/d")], False),
            ([("p/b", "p/a")], True),
            ([("p/b", "p/c"), ("p/c", "p/a")], True),
            ([("p/b", "p/c"), ("p/c", "p/b")], False),
        ],
    )
    def test_lead_back_to_the_stack(self, others: list[tuple[str, str]], expected: bool) -> None:
        """A deployment of a that starts one of b is a cycle if b starts a, also over others; a cycle elsewhere is not its fault."""
        assert expected is has_cycle("p/a", "p/b", others)

    def test_of_a_stack_that_starts_itself(self) -> None:
        """The shortest cycle has one stack."""
        assert has_cycle("p/a", "p/a", [])
