from collections.abc import Callable

import pytest

from common.backend import Backend
from common.core.errors import BadRequest, Conflict, Forbidden
from common.rights.caller import Caller
from common.stacks.engine import delta
from common.stacks.model import StackPath
from common.stacks.updates.service import progress
from tests.counting import Counter
from tests.factories.stacks import Running, complete, exported, exported_names, make_running, make_stack, update_row
from tests.interleaving import interleaved
from tests.stacks.engine.builders import dump, make_resource, make_state

DEV = StackPath("acme", "shop", "dev")
ODD = b'{ "version":3, "deployment":{"manifest":{},"resources":[{"urn":"u\\u003c","type":"t","n":1E5}], "future":[1.0]} }'


@pytest.fixture
def update(backend: Backend, admin: Caller) -> Running:
    """A running update that keeps no journal, on a stack with one resource."""
    make_stack(backend, admin, state=make_state(make_resource("old")))
    return make_running(backend, admin, DEV, journal=0)


def verbatim(container: bytes, sequence: int) -> bytes:
    """Return the body of a whole checkpoint with a number."""
    return b'{"version":3,"untypedDeployment":%s,"sequenceNumber":%d}' % (container, sequence)


def edits(new: bytes, sequence: int, *parts: tuple[int, int, str], digest: str | None = None) -> bytes:
    """Return the body of a checkpoint as edits that should give a text."""
    spans = [{"Span": {"start": {"offset": a}, "end": {"offset": b}}, "NewText": text} for a, b, text in parts]
    announced = digest if digest is not None else delta.digest(new)
    return dump({"version": 3, "checkpointHash": announced, "sequenceNumber": sequence, "deploymentDelta": spans})


def with_name(name: str) -> bytes:
    """Return a state of a fixed length around a name of one character."""
    return make_state(make_resource(name))


class TestPutCheckpoint:
    def test_becomes_the_state_at_once(self, backend: Backend, admin: Caller, update: Running) -> None:
        """A whole checkpoint is what an export shows from then on, and the last one is the version's state."""
        progress.update_checkpoint(backend, update.lease, b'{"isInvalid":false,' + with_name("a")[1:])
        during = exported_names(backend, admin, DEV)
        progress.update_checkpoint(backend, update.lease, with_name("b"))
        complete(backend, update)

        assert (["a"], ["b"]) == (during, exported_names(backend, admin, DEV))
        assert 1 == update_row(backend, update.id).resource_count

    def test_keeps_the_spelling(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Version, features and deployment are kept byte for byte, and what is not state is left out."""
        body = (
            b'{"isInvalid":false,"version":4,"features":["views"],"deployment":{"manifest":{}, "n":1E5,"resources":null},"x":1}'
        )
        progress.update_checkpoint(backend, update.lease, body)

        assert b'{"version":4,"features":["views"],"deployment":{"manifest":{}, "n":1E5,"resources":null}}' == exported(
            backend, admin, DEV
        )

    def test_marked_as_invalid_changes_nothing(self, backend: Backend, admin: Caller, update: Running) -> None:
        """A client that only says that its checkpoint is bad keeps the last good one."""
        for body in (b'{"isInvalid":true}', b'{"isInvalid":true,"version":3,"deployment":null}'):
            progress.update_checkpoint(backend, update.lease, body)

        assert ["old"] == exported_names(backend, admin, DEV)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b'{"version":3}',
            b'{"deployment":{}}',
            b'{"version":9,"deployment":{}}',
            b'{"version":3,"deployment":[]}',
            b'{"version":3,"deployment":{"resources":7}}',
            b'{"isInvalid":false}',
        ],
    )
    def test_refuses_what_is_no_state(self, backend: Backend, admin: Caller, update: Running, body: bytes) -> None:
        """A checkpoint that no client could read back is 400 and changes nothing."""
        with pytest.raises(BadRequest):
            progress.update_checkpoint(backend, update.lease, body)
        assert ["old"] == exported_names(backend, admin, DEV)

    def test_after_the_end(self, backend: Backend, admin: Caller, update: Running) -> None:
        """A checkpoint after `complete` is refused, in each of its forms."""
        complete(backend, update)
        calls: list[Callable[[], object]] = [
            lambda: progress.update_checkpoint(backend, update.lease, with_name("late")),
            lambda: progress.update_checkpoint(backend, update.lease, b'{"isInvalid":true}'),
            lambda: progress.update_checkpoint_verbatim(backend, update.lease, verbatim(with_name("late"), 1)),
            lambda: progress.update_checkpoint_delta(backend, update.lease, edits(b"", 2)),
        ]

        for call in calls:
            with pytest.raises(Forbidden):
                call()
        assert ["old"] == exported_names(backend, admin, DEV)


class TestPutVerbatim:
    def test_keeps_the_exact_bytes(self, backend: Backend, admin: Caller, update: Running) -> None:
        """The text as it stands in the request, blanks and escapes included, is state and base of deltas."""
        progress.update_checkpoint_verbatim(backend, update.lease, verbatim(ODD, 1))

        assert ODD == exported(backend, admin, DEV)
        assert (1, delta.digest(ODD)) == (
            update_row(backend, update.id).checkpoint_sequence,
            update_row(backend, update.id).checkpoint_hash,
        )

    def test_with_the_same_number_replaces(self, backend: Backend, admin: Caller, update: Running) -> None:
        """After a delta that was refused the client sends the whole text with the same number."""
        for name in ("a", "b"):
            progress.update_checkpoint_verbatim(backend, update.lease, verbatim(with_name(name), 2))

        assert ["b"] == exported_names(backend, admin, DEV)

    def test_with_a_number_gone_by_is_ignored(self, backend: Backend, admin: Caller, update: Running, counter: Counter) -> None:
        """A late repeat is answered as done, changes nothing and leaves no blob behind."""
        progress.update_checkpoint_verbatim(backend, update.lease, verbatim(with_name("b"), 2))
        before = len(backend.checkpoints.page("checkpoints/", "", 100))
        progress.update_checkpoint_verbatim(backend, update.lease, verbatim(with_name("a"), 1))

        assert ["b"] == exported_names(backend, admin, DEV)
        assert before == len(backend.checkpoints.page("checkpoints/", "", 100))

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b"[]",
            b'{"untypedDeployment":null,"sequenceNumber":1}',
            b'{"untypedDeployment":{},"sequenceNumber":"1"}',
            b'{"untypedDeployment":{"version":3,"deployment":{"a":"\xff"}},"sequenceNumber":1}',
        ],
    )
    def test_refuses_what_is_none(self, backend: Backend, update: Running, body: bytes) -> None:
        """A body that holds no state is 400."""
        with pytest.raises(BadRequest):
            progress.update_checkpoint_verbatim(backend, update.lease, body)


class TestPutDelta:
    A, B = with_name("a"), with_name("b").replace(b"b-id", b"bb-id")

    @pytest.fixture(autouse=True)
    def base(self, backend: Backend, update: Running) -> None:
        """Checkpoint 1, sent whole."""
        progress.update_checkpoint_verbatim(backend, update.lease, verbatim(self.A, 1))

    def to_b(self, sequence: int, *, digest: str | None = None) -> bytes:
        """Return the edit that replaces everything."""
        return edits(self.B, sequence, (0, len(self.A), self.B.decode()), digest=digest)

    def test_changes_the_text_before_it(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Edits refer to bytes of the text before; the result is state, and base of the next."""
        progress.update_checkpoint_delta(backend, update.lease, self.to_b(2))
        progress.update_checkpoint_delta(backend, update.lease, edits(self.A, 3, (0, len(self.B), self.A.decode())))
        progress.update_checkpoint_delta(backend, update.lease, edits(self.A, 4))

        assert self.A == exported(backend, admin, DEV)
        assert 4 == update_row(backend, update.id).checkpoint_sequence

    def test_twice_is_stored_once(self, backend: Backend, admin: Caller, update: Running) -> None:
        """A repeat with the same number and the same result is answered as done."""
        progress.update_checkpoint_delta(backend, update.lease, self.to_b(2))
        progress.update_checkpoint_delta(backend, update.lease, self.to_b(2))

        assert self.B == exported(backend, admin, DEV)

    def test_with_the_same_number_and_another_result(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Two contents of one number are a conflict, and the first one stays."""
        progress.update_checkpoint_delta(backend, update.lease, self.to_b(2))

        with pytest.raises(Conflict):
            progress.update_checkpoint_delta(backend, update.lease, edits(self.A, 2, (0, len(self.B), self.A.decode())))
        assert self.B == exported(backend, admin, DEV)

    def test_with_a_number_gone_by_is_ignored(self, backend: Backend, admin: Caller, update: Running) -> None:
        """A late repeat is answered as done, whatever it says."""
        progress.update_checkpoint_delta(backend, update.lease, self.to_b(2))
        progress.update_checkpoint_delta(backend, update.lease, edits(b"", 1, (0, 5, "x")))

        assert self.B == exported(backend, admin, DEV)

    @pytest.mark.parametrize("bad", ["hash", "span", "order", "result"])
    def test_that_does_not_fit_uses_up_no_number(self, backend: Backend, admin: Caller, update: Running, bad: str) -> None:
        """A refused delta changes nothing: the client sends the whole text under the same number."""
        bodies = {
            "hash": self.to_b(2, digest="0" * 64),
            "span": edits(self.B, 2, (0, len(self.A) + 1, self.B.decode())),
            "order": edits(self.B, 2, (0, 10, ""), (5, len(self.A), "")),
            "result": edits(b"[]", 2, (0, len(self.A), "[]")),
        }
        with pytest.raises(BadRequest):
            progress.update_checkpoint_delta(backend, update.lease, bodies[bad])

        assert self.A == exported(backend, admin, DEV)
        progress.update_checkpoint_verbatim(backend, update.lease, verbatim(self.B, 2))
        assert self.B == exported(backend, admin, DEV)

    def test_leaves_one_blob_in_the_end(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Texts that were replaced within the update are gone when it ends: only its state stays."""
        progress.update_checkpoint_delta(backend, update.lease, self.to_b(2))
        progress.update_checkpoint_delta(backend, update.lease, edits(self.A, 3, (0, len(self.B), self.A.decode())))
        complete(backend, update)

        assert 1 == len(backend.checkpoints.page(f"checkpoints/{update.id}/", "", 100))
        assert self.A == exported(backend, admin, DEV)

    def test_against_another_at_the_same_time(self, backend: Backend, admin: Caller, update: Running) -> None:
        """Of two deltas on one base the first counts and the other is told to send the whole text."""
        with (
            interleaved(
                backend, "UPDATE updates SET", lambda: progress.update_checkpoint_delta(backend, update.lease, self.to_b(2))
            ),
            pytest.raises(Conflict),
        ):
            progress.update_checkpoint_delta(backend, update.lease, edits(self.A, 3))

        assert self.B == exported(backend, admin, DEV)

    def test_needs_a_whole_checkpoint_of_its_own_update(self, backend: Backend, admin: Caller, update: Running) -> None:
        """The state of an earlier update is no base: its bytes are not known to this client."""
        complete(backend, update)
        following = make_running(backend, admin, DEV, journal=0)

        with pytest.raises(BadRequest):
            progress.update_checkpoint_delta(backend, following.lease, self.to_b(2))

    @pytest.mark.parametrize(
        "body", [b"{}", b"[]", b'{"checkpointHash":"x","sequenceNumber":2,"deploymentDelta":[{}]}', b'{"checkpointHash":7}']
    )
    def test_refuses_what_is_none(self, backend: Backend, update: Running, body: bytes) -> None:
        """A body that is no delta is 400."""
        with pytest.raises(BadRequest):
            progress.update_checkpoint_delta(backend, update.lease, body)


class TestSequenceNumbers:
    @pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 10**400])
    def test_that_no_column_takes_are_refused(self, backend: Backend, update: Running, number: int) -> None:
        """A number beyond 64 bits is a bad request, of a whole checkpoint and of a delta; the largest one is taken."""
        with pytest.raises(BadRequest):
            progress.update_checkpoint_verbatim(backend, update.lease, verbatim(make_state(), number))
        with pytest.raises(BadRequest):
            progress.update_checkpoint_delta(
                backend, update.lease, b'{"checkpointHash":"x","sequenceNumber":%d,"deploymentDelta":[]}' % number
            )
        progress.update_checkpoint_verbatim(backend, update.lease, verbatim(make_state(), (1 << 63) - 1))
