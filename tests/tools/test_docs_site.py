"""The documentation as a site: its links, its navigation, and what its pages load."""

from pathlib import Path

import pytest

from tools.docs_site import ROOT, linked, loaded_from_elsewhere, unlisted

PAGE = ROOT / "docs" / "operations.md"
DECISION = ROOT / "docs" / "decisions" / "README.md"


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        (PAGE, "[x](keys.md)", "[x](keys.md)"),
        (PAGE, "[x](keys.md#change)", "[x](keys.md#change)"),
        (PAGE, "[x](../CHANGELOG.md)", "[x](changelog.md)"),
        (PAGE, "[x](../template.yaml)", "[x](https://github.com/stackhold/stackhold/blob/main/template.yaml)"),
        (PAGE, "[x](https://example.com/a)", "[x](https://example.com/a)"),
        (PAGE, "[x](#upgrade)", "[x](#upgrade)"),
        (DECISION, "[x](../keys.md)", "[x](../keys.md)"),
        (ROOT / "CONTRIBUTING.md", "[x](docs/keys.md)", "[x](keys.md)"),
        (ROOT / "CONTRIBUTING.md", "[x](docs/decisions/)", "[x](decisions/README.md)"),
    ],
)
def test_links_fit_the_site(source: Path, link: str, expected: str) -> None:
    """A link leads to the file's page, or to the repository where a file has none."""
    assert expected == linked(link, source, ROOT)


def test_every_page_is_in_the_navigation(tmp_path: Path) -> None:
    """A page that the navigation leaves out is named; decisions are listed on a page of their own."""
    (tmp_path / "decisions").mkdir()
    for name in ("index.md", "keys.md", "lost.md", "decisions/0001-x.md"):
        (tmp_path / name).touch()

    assert ["zensical.toml: `nav` does not name lost.md"] == list(
        unlisted([{"Home": "index.md"}, {"Run": ["keys.md"]}], tmp_path)
    )


@pytest.mark.parametrize(
    "element",
    [
        '<script src="https://cdn.example.com/a.js">',
        '<img src="//example.com/a.png">',
        '<link rel="stylesheet" href="https://example.com/a.css">',
    ],
)
def test_nothing_is_loaded_from_elsewhere(tmp_path: Path, element: str) -> None:
    """A page that loads a script, a picture or a style from another site is named; a link to one is fine."""
    (tmp_path / "index.html").write_text(f'<a href="https://example.com">x</a><script src="a.js"></script>{element}')
    (tmp_path / "fine.html").write_text('<a href="https://example.com">x</a><link rel="stylesheet" href="assets/a.css">')

    assert ["index.html loads something from another site"] == list(loaded_from_elsewhere(tmp_path))
