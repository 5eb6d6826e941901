"""Our own text keeps to the words of docs/glossary.md, and to the forms that CONTRIBUTING.md asks for."""

from pathlib import Path

import pytest

from tools import word_check, words
from tools.word_check import Kind, Place


class TestPlaces:
    def test_do_not_exist(self) -> None:
        """No text of ours has a word or form to avoid: `python -m tools.word_check <folder>` names each place."""
        assert [str(place) for place in word_check.places()] == []

    @pytest.mark.parametrize(
        ("kind", "source"),
        [
            (Kind.CLASS, "class Vouched:\n    pass\n"),
            (Kind.DOCSTRING, '"""A link that nobody has."""\n'),
            (Kind.COMMENT, "x = 1  # whoever reads it\n"),
            (Kind.MOOD, 'def f():\n    """Returns one."""\n'),
            (Kind.LATE_RAISE, 'msg = "the stack exists"\nraise Conflict(msg)\n'),
        ],
    )
    def test_are_found(self, tmp_path: Path, kind: Kind, source: str) -> None:
        """Each kind of text to avoid is found in a file."""
        path = tmp_path / "sample.py"
        path.write_text(source, "utf-8")

        assert [kind] == [place.kind for place in word_check.places_in(path)]

    def test_leave_the_rest_alone(self, tmp_path: Path) -> None:
        """What follows the rules is not named: the imperative, a message in its raise, Python's None."""
        path = tmp_path / "sample.py"
        path.write_text('def f():\n    """Return the name if it is None."""\n    raise Conflict("the stack exists")\n', "utf-8")

        assert list[Place]() == list(word_check.places_in(path))


class TestWords:
    def test_that_are_to_be_avoided_are_found(self) -> None:
        """A phrase of the list is named, with what to write in its place; other text passes."""
        assert "'whoever': a user who, anyone who" == words.problem("the link is for whoever has it")
        assert words.problem("the link is for anyone who has it") is None
