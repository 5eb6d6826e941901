"""The benchmark of the console, on a small installation."""

from pathlib import Path

from bench import console
from bench.console import Size


def test_measures_every_page(tmp_path: Path) -> None:
    """Each page is there, and costs as few statements and as little as on a large installation."""
    views = console.measure(
        tmp_path, 1, Size(stacks=300, environments=300, resources=60, steps=200, lines=2_000), in_browser=False
    )

    assert list(console.VIEWS) == [view.name for view in views]
    assert [] == [view.name for view in views if view.is_over]
    assert len(console.HEAD) == len(console.rows(views)[0])
