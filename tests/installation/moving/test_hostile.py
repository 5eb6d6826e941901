"""Sources that answer anything, or that mean harm: the stack fails with a reason, and the others are moved."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.backend import Backend
from common.core.compression import pack
from common.installation.moving import moves, states
from common.installation.moving.api_source import ApiSource
from common.installation.moving.diy.source import DiySource
from common.installation.moving.diy.target import DiyTarget
from common.installation.moving.model import MovingError, Outcome, StackName, Update
from common.installation.moving.service import InstallationTarget, find_owner
from common.ports.blobs import Bucket
from common.ports.blobs.files import Files
from common.rights.caller import Caller
from tests.factories.moving import NAME, SALT, FakeSource, make_moved, make_update, state_with
from tests.factories.people import ORG

OTHER = StackName("shop", "other")
STATE = state_with("v1:x:y", SALT)


class OddApi:
    """A service of two stacks, which answers as it should but for what the test replaces."""

    url = "https://api.example.com"

    def __init__(self, **odd: Any) -> None:
        self.calls, self._odd = 0, odd

    def get(self, path: str, **query: str) -> Any:
        """Return what the test wants, or a reply of one update."""
        self.calls += 1
        assert self.calls < 50, "the calls do not end"
        part = path.rpartition("/")[2]
        if part in self._odd and "/other" not in path:
            return self._odd[part]
        if part == "stacks":
            names = ({"orgName": "old", "projectName": "shop", "stackName": name} for name in ("dev", "other"))
            return {"stacks": list(names)}
        return {"updates": [{"info": info()}]} if part == "updates" else {"tags": {}}

    def get_text(self, path: str) -> str:
        """Return a state."""
        return STATE.decode()

    def post(self, path: str, body: object = None) -> Any:
        """Decrypt nothing."""
        return {}


def info(**members: Any) -> dict[str, Any]:
    """Return an update as a service answers it."""
    return {
        "kind": "update",
        "result": "succeeded",
        "version": 1,
        "startTime": 1_700_000_000,
        "endTime": 1_700_000_060,
        **members,
    }


@pytest.fixture
def target(backend: Backend, admin: Caller) -> InstallationTarget:
    """Organization acme."""
    return InstallationTarget(backend, find_owner(backend, ORG, "admin"), "https://stackhold.example.com")


@pytest.mark.parametrize(
    "odd",
    [
        {"dev": [1]},
        {"dev": {"tags": {"a": 1}}},
        {"dev": {"config": [1]}},
        {"updates": {"updates": "all"}},
        {"updates": {"updates": [{"info": {}}]}},
        {"updates": {"updates": [{"info": info(version=1 << 40)}]}},
        {"updates": {"updates": [{"info": info(startTime=10**30)}]}},
        {"updates": {"updates": [{"info": info(endTime=1_700_000_000_000)}]}},
        {"updates": {"updates": [{"info": info(endTime=-1)}]}},
        {"updates": {"updates": [{"info": info(message="\ud800")}]}},
        {"updates": {"updates": [{"info": info(resourceChanges=[1])}]}},
        {"updates": {"updates": [{"info": info(config={"a": {"string": "no JSON", "object": True, "secret": True}})}]}},
        {"updates": {"updates": [{"info": info(version=number)} for number in range(901, 1001)]}},
    ],
    ids=lambda odd: str(odd)[:60],
)
def test_an_odd_answer_fails_its_stack_alone(odd: dict[str, Any], target: InstallationTarget) -> None:
    """A wrong shape, a number that is too large, dates in milliseconds, or a service that repeats its first page."""
    source = ApiSource(OddApi(**odd), "old")
    results = moves.move(source, target, [NAME, OTHER], is_dry_run=False, parallel=1, show=lambda _text: None)

    assert [Outcome.FAILED, Outcome.MOVED] == [result.outcome for result in results]
    assert results[0].problem


@pytest.mark.parametrize("page", [[], {"stacks": [{}]}, {"stacks": [], "continuationToken": "again"}], ids=str)
def test_a_list_of_stacks_in_an_unknown_form_ends_the_command(page: Any) -> None:
    """Also a list without an end."""
    with pytest.raises(MovingError, match=r"https://api.example.com (has|lists)"):
        ApiSource(OddApi(stacks=page), "old").list_names()


def test_a_service_without_pages_is_read_once(target: InstallationTarget) -> None:
    """All updates in each answer are no endless list."""
    everything = {"updates": [{"info": info(version=number)} for number in range(1, 121)]}

    assert 120 == len(ApiSource(OddApi(updates=everything), "old").load(NAME).updates)


@pytest.mark.parametrize("name", [StackName("/etc", "dev"), StackName("..", "dev"), StackName("shop", "../../dev")], ids=str)
def test_a_name_that_leaves_the_folder_is_refused(name: StackName, tmp_path: Path) -> None:
    """Names of a service become keys and files."""
    source = FakeSource(has_service=False)
    source.add(make_moved(make_update(1), name=name), STATE)
    target = DiyTarget(Bucket(Files(tmp_path)), "here", lambda: "secret")
    (result,) = moves.move(source, target, [name], is_dry_run=False, parallel=1, show=lambda _text: None)

    assert (Outcome.FAILED, True) == (result.outcome, "name" in result.problem)
    assert [] == [*tmp_path.iterdir(), *target.config_files]


def test_a_name_with_two_dots_is_one(tmp_path: Path) -> None:
    """It leaves no folder."""
    source = FakeSource(has_service=False)
    name = StackName("shop", "a..b")
    source.add(make_moved(make_update(1), name=name), STATE)
    target = DiyTarget(Bucket(Files(tmp_path)), "here", lambda: "secret")
    moves.move(source, target, [name], is_dry_run=False, parallel=1, show=lambda _text: None)

    assert [name] == DiySource(Bucket(Files(tmp_path)), "here").list_names()


def test_a_file_that_inflates_without_end_is_refused() -> None:
    """A few hundred kilobytes may be more than a gigabyte."""
    with pytest.raises(MovingError, match="file inflates to more than 1,073,741,824 bytes"):
        states.inflated(pack(bytes(64 << 20)) * 17, "file")


def test_versions_out_of_order_are_refused(target: InstallationTarget) -> None:
    """Two updates cannot have one number."""
    source = FakeSource(has_service=False)
    first: Update = make_update(1)
    source.add(make_moved(first, replace(first, state="2")), STATE, STATE)
    (result,) = moves.move(source, target, [NAME], is_dry_run=False, parallel=1, show=lambda _text: None)

    assert "version 1 follows version 1" == result.problem
