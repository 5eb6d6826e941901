"""Four times as large an environment costs about four times the work, whichever of its parts grows."""

from collections.abc import Callable

import pytest

from common.environments.language import evaluate, secrets
from common.environments.language.environment import to_wire
from common.environments.language.interfaces import World
from tests.environments.language.providers import CONTEXT, Loader, Providers, Rot128
from tests.test_growth import MOST_GROWTH, NOISE_SECONDS, TIMES, seconds

Document = tuple[str, dict[str, str | bytes]]

SIZE = 200


def keys(count: int) -> Document:
    """Many keys, a quarter of them references to the next."""
    return "values:\n" + "".join(f"  k{n}: {n if n % 4 else f'${{k{n + 1}}}!'}\n" for n in range(4 * count)), {}


def one_line(count: int) -> Document:
    """Many keys on one line that is not ASCII."""
    return "values: {" + ", ".join(f"é{n}: 'é ${{é{n + 1}'" for n in range(4 * count)) + "}\n", {}


def accesses(count: int) -> Document:
    """One string with many accesses."""
    return "values:\n  a: é\n  b: é " + "${a}" * (4 * count) + "\n", {}


def imported_keys(count: int) -> Document:
    """Many keys in each of ten imports, which override each other."""
    files: dict[str, str | bytes] = {
        f"e{n}": "values:\n" + "".join(f"  k{k}: {n}\n" for k in range(count // 2)) for n in range(10)
    }
    return "imports: [" + ", ".join(files) + "]\n", files


def unknown_names(count: int) -> Document:
    """Many references to names that are not there, each like many that are."""
    text = "values:\n  o:\n" + "".join(f"    name{n}: 1\n" for n in range(count))
    return text + "".join(f"  r{n}: ${{o.nams{n}}}\n" for n in range(count // 8)), {}


def elements(count: int) -> Document:
    """A long list, copied once and encoded."""
    return "values:\n  l:\n" + "    - {a: 1, b: x}\n" * (2 * count) + "  c: ${l}\n  j: {'fn::toJSON': '${l}'}\n", {}


def faults(count: int) -> Document:
    """A fault on each line."""
    return "values:\n" + "".join(f"  k{n}: ${{a..b\n" for n in range(4 * count)), {}


def calls(count: int) -> Document:
    """Many calls of providers."""
    return "values:\n" + "".join(
        f"  k{n}: {{'fn::open::schema': {{string: x, record: {{foo: y}}}}}}\n" for n in range(count // 2)
    ), {}


def answer(text: bytes, files: dict[str, str | bytes]) -> None:
    """Check, open and write out a document."""
    world = World(Loader(files), Providers(), CONTEXT)
    definition, _ = evaluate.load("e", text)
    to_wire(evaluate.check(definition, world, Rot128()).environment)
    to_wire(evaluate.open_environment(definition, world, Rot128()).environment)


@pytest.mark.parametrize("make", [keys, one_line, accesses, imported_keys, unknown_names, elements, faults, calls])
def test_work_grows_as_the_document(make: Callable[[int], Document]) -> None:
    """Neither keys nor references, imports, faults or calls cost more the more of them there are."""
    small, few = make(SIZE)
    large, many = make(SIZE * TIMES)

    least = seconds(lambda text: answer(text, few), small.encode())

    assert seconds(lambda text: answer(text, many), large.encode()) <= MOST_GROWTH * least + NOISE_SECONDS


@pytest.mark.parametrize("separator", [", ", ",\n  "])
def test_rewriting_grows_as_the_document(separator: str) -> None:
    """Each secret is found and replaced once, on one line or on many."""

    def text_of(count: int) -> bytes:
        return ("values: {" + separator.join(f"k{n}: {{fn::secret: hush{n}}}" for n in range(count)) + "}\n").encode()

    def rewrite(text: bytes) -> None:
        secrets.decrypt("e", secrets.encrypt("e", text, Rot128()).text, Rot128())

    least = seconds(rewrite, text_of(SIZE * 4))

    assert seconds(rewrite, text_of(SIZE * 4 * TIMES)) <= MOST_GROWTH * least + NOISE_SECONDS
