"""The limit on the work that a journal may cause."""

import pytest

from common.stacks.engine import document, progress, steps
from common.stacks.engine.entry import Damage, TooMuch, in_order
from common.stacks.engine.jsontext import Shield
from tests.stacks.engine.builders import entry, make_batch, make_resource, make_state, parts

REBUILD = 7


def test_rebuilds_are_limited() -> None:
    """Each rebuild of the base reads all resources again, so a journal that asks for too many is refused."""
    base = make_state(*(make_resource(name) for name in "abc"))
    state = progress.start(document.open_document(base, Shield()), visit_limit=6)
    batch = make_batch(*(entry(number, REBUILD) for number in (1, 2, 3)))
    first, second, third = (item for item, _ in in_order(parts(batch), Damage(), 1 << 20))
    for item in (first, second):
        steps.apply(state, item)

    with pytest.raises(TooMuch, match="rebuild the base too often"):
        steps.apply(state, third)
