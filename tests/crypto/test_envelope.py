import statistics
import time
from collections.abc import Callable
from functools import partial

import pytest

from common.core.errors import BadRequest
from common.core.ids import new_id
from common.crypto.envelope import REFUSAL, Envelope

KEY = bytes(range(32))


def refusal(envelope: Envelope, sealed: bytes) -> str:
    """Return the text with which a value is refused."""
    with pytest.raises(BadRequest) as caught:
        envelope.open(sealed)
    return caught.value.message


class TestSeal:
    @pytest.mark.parametrize(
        "plain", [b"", b"x", b"\x00\xff\xfe" * 11, bytes(range(32)), bytes(range(256)), bytes(range(250)) * 1_200]
    )
    def test_any_bytes_survive(self, plain: bytes) -> None:
        """A value comes back as it was, whatever bytes it has, and none at all."""
        envelope = Envelope(KEY, new_id())

        assert envelope.open(envelope.seal(plain)) == plain

    def test_output_is_never_empty_and_never_the_same(self) -> None:
        """Sealing the empty value twice gives two different values with something in them."""
        envelope = Envelope(KEY, "a")
        one, two = envelope.seal(b""), envelope.seal(b"")

        assert one
        assert two
        assert one != two

    def test_format_is_what_stored_values_have(self) -> None:
        """A value sealed by the first release opens for ever: version 1, nonce, AES-256-GCM bound to version and owner."""
        stored = bytes.fromhex("01" + "000102030405060708090a0b" + "2f77b86fa097f0d9ed132a614f1d05be8c84c8223b5ac4")

        assert Envelope(KEY, "0192f0c1-0000-7000-8000-000000000001").open(stored) == b"hunter2"


class TestOpen:
    def test_another_owner_is_refused(self) -> None:
        """A value of another stack does not open, even under the same key."""
        sealed = Envelope(KEY, "a").seal(b"hunter2")

        assert f"Bad Request: {REFUSAL}" == refusal(Envelope(KEY, "b"), sealed)

    def test_another_key_is_refused(self) -> None:
        """A value does not open with another stack's key."""
        assert f"Bad Request: {REFUSAL}" == refusal(Envelope(bytes(32), "a"), Envelope(KEY, "a").seal(b"hunter2"))

    def test_every_damaged_byte_is_noticed(self) -> None:
        """Whichever byte is changed, the value is refused with the one text."""
        envelope = Envelope(KEY, "a")
        sealed = envelope.seal(b"hunter2")
        damaged = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]

        assert {f"Bad Request: {REFUSAL}"} == {refusal(envelope, value) for value in damaged}

    def test_every_length_is_safe(self) -> None:
        """A value cut off anywhere, or with bytes too many, is refused with the one text."""
        envelope = Envelope(KEY, "a")
        sealed = envelope.seal(b"hunter2")
        cut = [sealed[:size] for size in range(len(sealed))] + [sealed + b"x"]

        assert {f"Bad Request: {REFUSAL}"} == {refusal(envelope, value) for value in cut}

    def test_takes_the_same_time_whatever_is_wrong(self) -> None:
        """The time of a refusal does not tell a foreign value from a damaged one or from rubbish."""
        envelope = Envelope(KEY, "a")
        foreign = Envelope(KEY, "b").seal(b"hunter2")
        kinds = {"foreign": foreign, "cut": foreign[:-4], "rubbish": b"\x00\x00\x00", "version": b"\x02" + foreign[1:]}
        medians = {name: median_seconds(partial(refusal, envelope, value)) for name, value in kinds.items()}

        assert max(medians.values()) < 3 * min(medians.values()), medians


class TestRepr:
    def test_shows_no_key(self) -> None:
        """What a log line or a traceback may print of an envelope holds nothing of the key."""
        assert KEY.hex() not in repr(Envelope(KEY, "a"))
        assert str(KEY) not in repr(Envelope(KEY, "a"))


def median_seconds(call: Callable[[], object]) -> float:
    """Return the median duration of a call."""
    durations = []
    for _ in range(400):
        start = time.perf_counter()
        call()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)
