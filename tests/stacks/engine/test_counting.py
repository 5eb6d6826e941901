"""What is refused before it is opened, because a short text of it takes gigabytes of memory."""

import resource
import subprocess
import sys
from collections.abc import Callable

import pytest
from msgspec import Raw

from common.stacks.engine import delta, document
from common.stacks.engine.counting import MOST_ITEMS, MOST_MEMBERS
from common.stacks.engine.delta import MOST_EDITS
from common.stacks.engine.document import BadDocument
from common.stacks.engine.entry import MalformedEntry, payload
from common.stacks.engine.jsontext import open_list, open_object

EDIT = b'{"Span":{"start":{"offset":0},"end":{"offset":0}},"NewText":""}'
NAMES = b",".join(b'"%064d":1' % number for number in range(MOST_MEMBERS * 2))


def listed(name: bytes, item: bytes, count: int) -> bytes:
    """Return a state with one list."""
    return b'{"version":3,"deployment":{"%b":[%b]}}' % (name, b",".join([item] * count))


def edits(count: int) -> bytes:
    """Return a delta of many edits."""
    return b'{"checkpointHash":"x","sequenceNumber":1,"deploymentDelta":[%b]}' % b",".join([EDIT] * count)


class TestStates:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (listed(b"resources", b'{"a":1}', MOST_ITEMS + 1), "'resources' has more than 200,000 elements"),
            (
                listed(b"resources", b"1", 3 * MOST_ITEMS),
                "'resources' has more than 200,000 elements, or elements of another type",
            ),
            (listed(b"pending_operations", b'{"a":1}', MOST_ITEMS + 1), "'pending_operations' has more"),
            (b'{"version":3,"deployment":{%b}}' % NAMES, "the deployment has more than 10,000 members"),
            (b'{"version":3,"deployment":{},%b}' % NAMES, "the document has more than 10,000 members"),
            # Each escape that is hidden makes the deployment longer than it was sent.
            (rb'{"version":3,"deployment":{"a":"%b"},%b}' % (rb"\ud83d" * 10**6, NAMES), "the document has more"),
        ],
        ids=["resources", "numbers", "operations", "members", "beside", "hidden"],
    )
    def test_of_millions_of_parts_are_not_opened(self, text: bytes, reason: str) -> None:
        """The number of resources and members is limited, not the size of the text alone."""
        with pytest.raises(BadDocument, match=reason):
            document.check_container(text)

    def test_of_as_many_resources_as_there_may_be_are_taken(self) -> None:
        """The limit itself is no refusal, and neither is one large resource with many members and commas."""
        document.check_container(listed(b"resources", b'{"a":[1,2,3,4]}', MOST_ITEMS))
        document.check_container(b'{"version":3,"deployment":{"resources":[{%b}]}}' % NAMES)

    def test_of_millions_of_escapes_are_not_rewritten(self) -> None:
        """Each lone surrogate is six bytes of text, and twenty times that while it is hidden from the decoder."""
        text = rb'{"version":3,"deployment":{"a":"%b"}}'
        with pytest.raises(BadDocument, match="more than 1,000,000 surrogate escapes"):
            document.check_container(text % (rb"\ud83d" * 1_100_000))
        document.check_container(text % (rb"\ud83d" * 10_000 + rb"\ud55c" * 1_100_000))

    def test_of_an_old_client_are_not_opened(self) -> None:
        """The body around a checkpoint is an object from outside as well."""
        with pytest.raises(BadDocument, match="more than 10,000 members"):
            document.members(b"{%b}" % NAMES)

    def test_take_no_more_memory_than_their_text(self) -> None:
        """Sixteen million elements in 32 MB would take a gigabyte."""
        script = (
            "import resource; from common.stacks.engine import document\n"
            "from tests.stacks.engine.test_counting import listed\n"
            "text = listed(b'resources', b'1', 16_000_000)\n"
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "try: document.check_container(text)\n"
            "except document.BadDocument: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, preexec_fn=_limit)
        assert int(ended.stdout) // (1 if sys.platform == "linux" else 1024) < 100_000


class TestDeltas:
    def test_of_very_many_edits_are_not_opened(self) -> None:
        """Each edit is four objects; the client sends the whole text when a delta is refused."""
        with pytest.raises(BadDocument, match="more than 100,000 elements"):
            delta.parse(edits(MOST_EDITS + 1))
        assert MOST_EDITS == len(delta.parse(edits(MOST_EDITS)).deployment_delta or ())


class TestEntries:
    @pytest.mark.parametrize(
        ("text", "reader"),
        [(b"[" + b",".join([b"{}"] * 2 * MOST_ITEMS) + b"]", open_list), (b"{%b}" % NAMES, open_object)],
        ids=["list", "object"],
    )
    def test_with_members_of_millions_of_parts_are_malformed(self, text: bytes, reader: Callable[[Raw], object]) -> None:
        """A journal entry brings lists and objects of its own, such as a whole snapshot."""
        assert len(text) > 1 << 20
        with pytest.raises(MalformedEntry, match="'x' cannot be read"):
            payload(Raw(text), reader, "x")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
