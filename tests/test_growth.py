"""Twice as much text costs about twice as much work, in every parser of what users send.

Each case is a shape that is bad for a parser which looks at a text once for each character, mark, quote or level. The work is
processor time, the least of several tries; quadratic work shows as sixteen times as much for four times the text.
"""

import gc
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from common.access import authentication as access
from common.core import names, paging
from common.core.errors import BackendError, Unauthorized
from common.environments import evaluation
from common.environments.language import evaluate, secrets
from common.environments.language.syntax import path as property_paths
from common.rights import descriptor
from common.sign_in.scim import filters, paths
from common.sign_in.workload_identity.language import patterns
from common.stacks.engine import delta, document, envelope, journal, jsontext, urn
from common.stacks.engine.jsontext import BadDocument, Shield
from common.stacks.engine.rename import Names, RenameError, rename
from common.stacks.engine.values import Rewriter
from common.stacks.updates.service.events import event_types
from functions.http import middleware
from tests.environments.language.providers import Rot128, world
from tests.stacks.engine.builders import NOW, VERSION, dump, entry, make_batch, make_resource, make_state, parts
from tests.stacks.engine.builders import urn as urn_of

SIZE = 1 << 14
TIMES = 4
# Linear work grows by TIMES, quadratic by its square; what is too short to measure passes.
MOST_GROWTH = 9
NOISE_SECONDS = 0.03
REFUSALS = (BackendError, BadDocument, RenameError, urn.UrnError, ValueError, RecursionError)
NEEDLE = "urn:pulumi:dev::shop::"
Parser = Callable[[bytes], object]
Shape = Callable[[int], bytes]


def repeated(piece: str, before: str = "", after: str = "") -> Shape:
    """Return the shape of a text that is one piece again and again."""
    return lambda size: (before + piece * (size // len(piece)) + after).encode("utf-8", "surrogatepass")


def marks(size: int) -> bytes:
    """Return a text of all characters that may stand for hidden escapes, after a long run, with something to hide."""
    used = b"".join(chr(code).encode() for code in range(0x10FFFD, 0x10F000, -1))
    return b'"\\ud800' + b"a" * (size * 16) + used + b'"'


SHAPES: dict[str, Shape] = {
    "blanks": repeated(" ", "{", "}"),
    "backslashes": repeated("\\\\", '"', '"'),
    "odd backslashes": repeated("\\", '"', '"'),
    "escaped quotes": repeated('\\"', '"'),
    "quotes": repeated('"'),
    "lone surrogates": repeated("\\ud800", '"', '"'),
    "marks": marks,
    "open lists": repeated("["),
    "open objects": repeated('{"a":'),
    "closed lists": repeated("]"),
    "commas": repeated(",", "[", "]"),
    "empty texts": repeated('"",', '{"imports":[', '""]}'),
    "colons": repeated(":"),
    "dots": repeated("."),
    "dollars": repeated("a$", "urn:pulumi:s::p::", "::n"),
    "stars": repeated("*a"),
    "question marks": repeated("?"),
    "brackets": repeated("a[b]"),
    "parentheses": repeated("("),
    "and": repeated('a eq "b" and ', "", 'a eq "b"'),
    "nested lines": repeated("- \n  "),
    "anchors": repeated("&a *a\n"),
    "hyphens": repeated("-"),
    "letters": repeated("a"),
    "digits": repeated("9"),
    "slashes": repeated("/a"),
    "tabs": repeated("\t", "token ", "x y"),
    "not UTF-8": lambda size: b"\xff" * size,
}


def text_of(parse: Callable[[str], object]) -> Parser:
    """Return a parser of characters as one of bytes."""
    return lambda text: parse(text.decode("utf-8", "replace"))


def _refused_token(text: str) -> None:
    with suppress(Unauthorized):
        access.authenticate(None, text)  # type: ignore[arg-type]  # what cannot be a token is refused without a backend


def _opened(values: dict[str, object]) -> None:
    definition, _ = evaluate.load("e", dump({"values": values}))
    evaluate.open_environment(definition, world(), Rot128())


def _rewritten(text: str) -> None:
    whole = dump({"values": {"fn::secret": text}})
    encrypted = secrets.encrypt("e", whole, Rot128()).text
    secrets.decrypt("e", encrypted, Rot128())


PARSERS: dict[str, Parser] = {
    "shield": lambda text: jsontext.shield_for([text]).hide(text),
    "compact": jsontext.compact,
    "without blanks": lambda text: jsontext.without_blanks(text + b" " * (128 << 10)),
    "document members": document.members,
    "container": document.check_container,
    "resources": document.count_resources,
    "journal batch": envelope.envelope,
    "event batch": envelope.events_envelope,
    "few entries": envelope.require_few,
    "replay": lambda text: journal.replay(document.EMPTY, parts(text), cli_version=VERSION, now=NOW),
    "delta": delta.parse,
    "rename": lambda text: rename(text, Names("acme", "shop", "dev"), Names("acme", "shop", "prod")),
    "property values": lambda text: Rewriter(str.upper, NEEDLE.encode()).value(text + NEEDLE.encode()),
    "plaintext of a secret": lambda text: Rewriter(str.upper, NEEDLE.encode()).value(
        dump(
            {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": text.decode("latin-1") + NEEDLE}
        )
    ),
    "URN": text_of(urn.parse),
    "provider reference": text_of(urn.parse_reference),
    "stack name": text_of(names.require_stack_name),
    "owner name": text_of(names.require_owner_name),
    "tag": text_of(lambda text: names.require_tag(text, text)),
    "page token": text_of(lambda text: paging.read_token(text, paging.seal("a"), 2)),
    "descriptor": descriptor.decode,
    "authorization": text_of(_refused_token),
    "environment": evaluation.unwrapped,
    "definition": lambda text: evaluate.load("e", text),
    "values of a definition": text_of(lambda text: _opened({"a": text})),
    "JSON in a definition": text_of(lambda text: _opened({"a": {"fn::fromJSON": text}, "b": {"fn::toYAML": text}})),
    "base64 in a definition": text_of(lambda text: _opened({"a": {"fn::fromBase64": text}})),
    "secrets of a definition": text_of(_rewritten),
    "path of a property": text_of(property_paths.parse),
    "pattern": text_of(patterns.require_pattern),
    "claim path": text_of(patterns.path_of),
    "pattern match": text_of(lambda text: patterns.matches("*a?b*" * 8, text)),
    "filter": text_of(filters.parse_filter),
    "patch path": text_of(paths.parse_path),
    "event types": text_of(lambda text: event_types([text])),
    "accept-encoding": lambda text: middleware.accepts_gzip({"headers": [(b"accept-encoding", text)]}),
}


def seconds(parse: Parser, text: bytes) -> float:
    """Return the least processor time of a few tries, without the collector's, which comes at moments of its own."""
    gc.disable()
    try:
        return _least_seconds(parse, text)
    finally:
        gc.enable()


def _least_seconds(parse: Parser, text: bytes) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        with suppress(*REFUSALS):
            parse(text)
        best = min(best, time.process_time() - began)
        if best < NOISE_SECONDS:
            break
    return best


def require_linear(parse: Parser, shape: Shape) -> None:
    """Fails for a parser whose work grows faster than the text, unless it takes next to nothing."""
    large = seconds(parse, shape(SIZE * TIMES))
    if large > NOISE_SECONDS:
        small = seconds(parse, shape(SIZE))
        assert large <= MOST_GROWTH * small + NOISE_SECONDS, f"{small:.3f} s for {SIZE:,}, {large:.3f} s for {TIMES} times that"


@pytest.mark.parametrize("parser", PARSERS)
def test_work_grows_as_the_text(parser: str) -> None:
    """No shape makes a parser's work grow as the square of the text."""
    for shape in SHAPES.values():
        require_linear(PARSERS[parser], shape)


class TestTheTestItself:
    def test_finds_a_search_for_each_character(self) -> None:
        """A parser that looks through the text once for each quote in it is found."""

        def quadratic(text: bytes) -> None:
            for at in range(0, len(text), 64):
                text.count(b"\xfe", at)

        with pytest.raises(AssertionError):
            require_linear(lambda text: quadratic(text * 4), SHAPES["quotes"])


class TestUnusedCharacter:
    def test_is_looked_for_in_one_pass(self) -> None:
        """A text of all candidates costs one pass, not one for each: 24 KB on the wire are megabytes of text."""
        text = marks(1 << 19)

        assert Shield(lossy=True) == jsontext.shield_for([text])
        assert seconds(lambda whole: jsontext.shield_for([whole]), text) < 1

    def test_is_none_that_an_escape_stands_for(self) -> None:
        """A pair of escapes stands for its character, which then must not mean something else."""
        text = b'"\\ud800 \\udbff\\udffd"'

        assert Shield("\U0010fffc".encode()) == jsontext.shield_for([text])


class TestReplay:
    def test_grows_as_the_number_of_entries(self) -> None:
        """Batches, entries and resources cost what they cost once."""

        def journal_of(size: int) -> bytes:
            made = [
                entry(step, 1, step, state=make_resource(f"r{step}", dependencies=[urn_of("r0")])) for step in range(size // 64)
            ]
            return make_batch(*made)

        require_linear(PARSERS["replay"], journal_of)

    def test_grows_as_the_number_of_batches(self) -> None:
        """Also when each of them overlaps the next."""

        def replay(text: bytes) -> None:
            batches = [make_batch(entry(step, 0, step), entry(step + 2, 0, step)) for step in range(len(text) // 128)]
            journal.replay(make_state(), parts(*batches), cli_version=VERSION, now=NOW)

        require_linear(replay, SHAPES["letters"])
