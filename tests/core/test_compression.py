import gzip
import os
import tracemalloc
import zlib

import pytest

from common.core import compression
from common.core.compression import BadGzip, OverLimit, inflate, is_packed, is_worth_packing, pack, unpack

TEXTS = [b"", b"x", b'{"a":1}', os.urandom(100_000), b"lorem ipsum " * 300_000]
LARGE = 20 << 20


class TestPackAndUnpack:
    @pytest.mark.parametrize("text", TEXTS, ids=["empty", "byte", "json", "random", "long"])
    def test_are_inverse(self, text: bytes) -> None:
        """What was packed is gzip that every client opens, and comes back as it was."""
        assert text == unpack(pack(text)) == gzip.decompress(pack(text))
        assert is_packed(pack(text))

    def test_is_the_same_every_time(self) -> None:
        """The same text gives the same bytes: no time is in them."""
        assert pack(b"x" * 5000) == pack(b"x" * 5000)

    @pytest.mark.parametrize("stored", [b"", b"{}", b"\x1f", b"plain"])
    def test_leaves_plain_text_alone(self, stored: bytes) -> None:
        """Stored text that is not packed is given as it is."""
        assert stored == unpack(stored)

    def test_takes_several_members(self) -> None:
        """Bytes of a client may be several members; they are read back as one text."""
        assert b"onetwo" == unpack(gzip.compress(b"one") + gzip.compress(b"two"))

    def test_opens_whatever_inflate_accepted(self) -> None:
        """A client's bytes are checked by one and read back by the other, so both take the same: padding included."""
        for stored in (pack(b"one") + b"\0" * 10, gzip.compress(b"a" * 70_000, 9) + pack(b"b") + b"\0"):
            assert inflate(stored, LARGE) == unpack(stored)


class TestIsWorthPacking:
    WORTH = b"lorem ipsum " * 10_000
    NOT_WORTH = os.urandom(100_000).hex().encode()

    @pytest.mark.parametrize("text", [WORTH, b"x" * 1000])
    def test_is_what_shrinks_to_a_quarter(self, text: bytes) -> None:
        """Text that gzip makes a quarter of is worth it, packed already or not."""
        assert is_worth_packing(text)
        assert is_worth_packing(pack(text))

    @pytest.mark.parametrize("text", [NOT_WORTH, b"x"])
    def test_is_not_what_shrinks_less(self, text: bytes) -> None:
        """Text that gzip makes half of is not."""
        assert not is_worth_packing(text)
        assert not is_worth_packing(pack(text))

    def test_is_guessed_from_the_middle(self) -> None:
        """A head that shrinks well says nothing about a long text."""
        assert not is_worth_packing(b"x" * 10_000 + self.NOT_WORTH)


class TestInflate:
    @pytest.mark.parametrize("text", TEXTS, ids=["empty", "byte", "json", "random", "long"])
    @pytest.mark.parametrize("level", [0, 1, 9])
    def test_opens_what_others_packed(self, text: bytes, level: int) -> None:
        """Every level of another program's gzip is opened."""
        assert text == inflate(gzip.compress(text, level), len(text) or 1)

    @pytest.mark.parametrize(
        "packed",
        [
            pack(b"abc")[:-1],
            pack(b"abc")[:12],
            b"\x1f\x8b",
            pack(b"abc")[:-8] + b"\0\0\0\0" + pack(b"abc")[-4:],
            pack(b"abc")[:-4] + b"\0\0\0\1",
            pack(b"abc") + b"rubbish",
            pack(b"abc") + pack(b"abc")[:9],
            zlib.compress(b"abc"),
            b"\x1f\x8b" + b"\xff" * 100,
            b"rubbish",
        ],
        ids=["cut", "header-only", "magic", "checksum", "length", "rubbish-after", "second-cut", "zlib", "bad-header", "rubbish"],
    )
    def test_refuses_what_is_damaged(self, packed: bytes) -> None:
        """Bytes that are cut, changed or of another kind are no gzip."""
        with pytest.raises(BadGzip):
            inflate(packed, LARGE)

    @pytest.mark.parametrize("sizes", [(700_000,), (700_000, 3, 900_000), (262_144 - 23, 0, 262_144)])
    @pytest.mark.parametrize("padding", [b"", b"\0" * 300_000])
    def test_opens_members_of_any_size(self, sizes: tuple[int, ...], padding: bytes) -> None:
        """Where members begin and end does not matter, nor that padding follows."""
        texts = [os.urandom(size) for size in sizes]
        packed = b"".join(gzip.compress(text) + padding for text in texts)

        assert b"".join(texts) == inflate(packed, LARGE) == unpack(packed)

    @pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 5 << 20])
    def test_opens_what_shrinks_to_nothing(self, size: int) -> None:
        """What the decompressor holds back is not forgotten."""
        assert b"x" * size == inflate(gzip.compress(b"x" * size), size)

    @pytest.mark.parametrize(("limit", "fits"), [(1000, True), (999, False), (1, False)])
    def test_has_an_exact_limit(self, limit: int, fits: bool) -> None:
        """A text of the limit's length is taken, one byte more is not; members count together."""
        for packed in (pack(b"x" * 1000), pack(b"x" * 500) + pack(b"y" * 500)):
            if fits:
                assert 1000 == len(inflate(packed, limit))
            else:
                with pytest.raises(OverLimit):
                    inflate(packed, limit)

    def test_of_a_long_text(self) -> None:
        """Texts beyond the part that is kept while counting are complete too, in one member and in several."""
        text = b"0123456789abcdef" * (LARGE // 16)
        half = len(text) // 2

        assert text == inflate(pack(text), LARGE)
        assert text == inflate(pack(text[:half]) + pack(text[half:]), LARGE)

    def test_of_a_bomb_takes_little_memory(self) -> None:
        """A bomb is counted, not held: memory stays near the part that is kept, far below what it inflates to."""
        bomb = pack(b" " * (16 << 20)) * 40
        tracemalloc.start()
        with pytest.raises(OverLimit):
            inflate(bomb, 512 << 20)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert peak < 4 * compression._BUFFERED_BYTES

    def test_of_many_empty_members(self) -> None:
        """Thousands of members that hold nothing are opened in a moment."""
        assert b"" == inflate(pack(b"") * 5000, 10)

    def test_of_more_members_than_any_client_sends_are_refused(self) -> None:
        """Members that hold nothing count for nothing, and millions of them take a minute of a processor."""
        for members in (pack(b"") * 10_001, pack(b"x") * 10_001):
            with pytest.raises(BadGzip, match="more than 10,000 members"):
                inflate(members, 1 << 20)
        assert b"x" * 10_000 == inflate(pack(b"x") * 10_000, 1 << 20)
