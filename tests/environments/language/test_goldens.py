"""What upstream's evaluator answers to its own cases; they lie beside the checkout (esc.md 6)."""

import json

import pytest

from common.environments.language import evaluate
from common.environments.language.environment import EscValue, to_wire
from tests.environments.language import goldens
from tests.environments.language.providers import Rot128


@pytest.mark.parametrize("name", goldens.names() or ["(none)"])
def test_the_answer_is_that_of_upstream(name: str) -> None:
    """A case is checked, opened and rotated as upstream does it, with every range and every text."""
    folder = goldens.require_complete() / name

    assert goldens.expected(folder) == goldens.actual(folder)


@pytest.mark.parametrize("name", goldens.names() or ["(none)"])
def test_every_range_names_its_environment(name: str) -> None:
    """Each range has an environment, each value a definition: generated SDKs refuse an answer without them (F38)."""
    folder = goldens.require_complete() / name
    definition, _ = evaluate.load(name, (folder / "env.yaml").read_bytes())
    opened = evaluate.open_environment(definition, goldens.world_of(folder), Rot128())

    answer = json.loads(to_wire(opened.environment)) if opened.environment else {}

    goldens.assert_complete(answer)


def test_an_empty_value_is_written_with_everything_a_client_wants() -> None:
    """A value that was made here has a range too."""
    goldens.assert_complete(json.loads(to_wire(EscValue(None))))
