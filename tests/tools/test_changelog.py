"""The changelog is put in order after it was merged by union."""

import pytest

from tools.changelog import tidied

MERGED = """# Changelog

For operators.

## [Unreleased]

### Security

- A fix
  of two lines.
### Fixed

- B.

### Security

- C.
- A fix
  of two lines.

### Added
- D.

## [0.1.0] - 2027-01-31

### Fixed

- E.
"""
IN_ORDER = """# Changelog

For operators.

## [Unreleased]

### Added

- D.

### Fixed

- B.

### Security

- A fix
  of two lines.
- C.

## [0.1.0] - 2027-01-31

### Fixed

- E.
"""


class TestTidied:
    def test_merges_and_sorts(self) -> None:
        """Sections of a kind become one, kinds stand in order, a repeated entry stands once; versions are kept apart."""
        assert tidied(MERGED) == IN_ORDER

    def test_changes_nothing_twice(self) -> None:
        """What is in order stays as it is, and so does a version without entries."""
        empty = IN_ORDER.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [0.2.0] - 2027-02-28\n")

        assert tidied(IN_ORDER) == IN_ORDER
        assert tidied(empty) == empty

    @pytest.mark.parametrize("bad", ["### Improved\n\n- F.\n", "- F.\n"], ids=["kind", "no-heading"])
    def test_drops_nothing(self, bad: str) -> None:
        """An entry that has no place stops with its version named, and is not lost."""
        with pytest.raises(ValueError, match=r"\[Unreleased\]"):
            tidied(f"# Changelog\n\n## [Unreleased]\n\n{bad}")
