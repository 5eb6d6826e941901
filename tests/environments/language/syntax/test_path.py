"""Paths name places in documents and in values."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.environments.language.syntax import path as paths


class TestParse:
    @pytest.mark.parametrize(
        ("text", "steps"),
        [
            ("a", ("a",)),
            ("a.b", ("a", "b")),
            ("a[0].b", ("a", 0, "b")),
            ('["a.b"]', ("a.b",)),
            ('a["with \\"quote\\""][2]', ("a", 'with "quote"', 2)),
            ("x-api-key", ("x-api-key",)),
            ("", ()),
        ],
    )
    def test_a_path_is_read_step_by_step(self, text: str, steps: paths.Path) -> None:
        """Names follow dots, indexes and quoted names stand in brackets."""
        assert steps == paths.parse(text)

    @pytest.mark.parametrize("text", ["a..b", "a[", "a[x]", 'a["x', 'a["x"', "a[-1]", 'a["x"]b', "a."])
    def test_anything_else_is_refused(self, text: str) -> None:
        """A path that cannot be read is the caller's error, never an empty answer."""
        with pytest.raises(ValueError, match=r"expected|missing"):
            paths.parse(text)

    @settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that is busy with other tests
    @given(st.lists(st.one_of(st.text(min_size=1).filter(lambda name: "\\" not in name), st.integers(0, 10**6)), min_size=1))
    def test_a_joined_path_is_read_back(self, steps: list[str | int]) -> None:
        """Whatever keys a document has, their path finds them again."""
        assert tuple(steps) == paths.parse(paths.join(tuple(steps)))
