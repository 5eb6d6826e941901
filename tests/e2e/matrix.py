"""What changed between the CLI versions under test, as far as a test has to know it.

A test that needs something new names it here, so that what an older CLI is not asked to do is in one place.
"""

from __future__ import annotations

from enum import StrEnum

import pytest

from tests.e2e.cli import Cli


class Feature(StrEnum):
    """A command, an option or a behaviour that some tested CLI does not have."""

    HISTORY_EVENTS = "stack history events"
    JOURNAL_BY_DEFAULT = "journal without PULUMI_ENABLE_JOURNALING"
    BEGIN_UPDATE = "one call that creates and starts an update"
    PEOPLE = "org member"
    ENVIRONMENT_SETTINGS = "env settings"
    REFERRERS = "env referrer"
    ENVIRONMENT_SCHEDULES = "env schedule"
    ENVIRONMENT_EXCERPTS = "excerpts of an environment's source beside its errors"


FIRST_VERSION: dict[Feature, tuple[int, ...]] = {
    Feature.HISTORY_EVENTS: (3, 241),
    Feature.JOURNAL_BY_DEFAULT: (3, 225),
    Feature.BEGIN_UPDATE: (3, 263),
    # The first tested one; `org role` and `api` came together with it.
    Feature.PEOPLE: (3, 260),
    # The first tested one, also of the next three. Older ones look for the source under a name without its project.
    Feature.ENVIRONMENT_SETTINGS: (3, 260),
    Feature.REFERRERS: (3, 260),
    Feature.ENVIRONMENT_SCHEDULES: (3, 260),
    Feature.ENVIRONMENT_EXCERPTS: (3, 260),
}


def has(cli: Cli, feature: Feature) -> bool:
    """Whether the CLI under test is new enough."""
    return cli.version_tuple >= FIRST_VERSION[feature]


def require(cli: Cli, feature: Feature) -> None:
    """Skips the test on a CLI that is too old for it."""
    if not has(cli, feature):
        first = ".".join(map(str, FIRST_VERSION[feature]))
        pytest.skip(f"CLI {cli.version} has no `{feature}` yet: first in {first}")
