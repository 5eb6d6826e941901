"""Builds the documentation as a site: `make site`.

python -m tools.docs_site

Pages are docs/, and what a reader of the site needs of the files beside it. Zensical renders them in strict mode, which fails for
a link that leads nowhere; then this fails for a page that the navigation does not name and for anything that a reader's browser
would load from elsewhere.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CONFIGURATION = ROOT / "zensical.toml"
# Files beside docs/ → their pages.
PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
REPOSITORY = "https://github.com/stackhold/stackhold/blob/main"
_LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s#]+)(?P<rest>[^)]*)(?=\))")
_LOADED = re.compile(
    r'<(?:script|img|iframe|link rel="(?:stylesheet|icon|preload|preconnect)")[^>]*(?:src|href)="(?P<address>https?:)?//'
)


def main() -> int:
    """Build the site and return the exit code."""
    configuration = tomllib.loads(CONFIGURATION.read_text("utf-8"))["project"]
    pages, site = ROOT / configuration["docs_dir"], ROOT / configuration["site_dir"]
    for folder in (pages, site):
        shutil.rmtree(folder, ignore_errors=True)
    write_pages(ROOT, pages)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", str(CONFIGURATION)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    if built.returncode:
        print(built.stdout, built.stderr, file=sys.stderr)
        return 1
    problems = [*unlisted(configuration["nav"], pages), *loaded_from_elsewhere(site)]
    print(*problems or [f"{site.relative_to(ROOT)}: {sum(1 for _ in site.rglob('*.html'))} pages"], sep="\n")
    return 1 if problems else 0


def write_pages(root: Path, folder: Path) -> None:
    """Copy docs/ and the pages beside it to a folder, with links that fit the site."""
    shutil.copytree(root / "docs", folder)
    for name, page in PAGES.items():
        shutil.copy(root / name, folder / page)
    for path in folder.rglob("*.md"):
        source = root / "docs" / path.relative_to(folder)
        if not source.exists():
            source = root / next(name for name, page in PAGES.items() if page == path.name)
        path.write_text(linked(path.read_text("utf-8"), source, root), "utf-8")


def linked(text: str, source: Path, root: Path) -> str:
    """Return a page whose links to other files lead to their pages, or to the repository for what has none."""

    def target(link: re.Match[str]) -> str:
        aim = link["target"]
        if "://" in aim or aim.startswith("mailto:"):
            return link[0]
        file = (source.parent / aim).resolve()
        name = file.relative_to(root).as_posix()
        if name in PAGES:
            found = "../" * _depth(source, root) + PAGES[name]
        elif file.is_dir() and (file / "README.md").exists() and name.startswith("docs/"):
            found = "../" * _depth(source, root) + name.removeprefix("docs/") + "/README.md"
        elif name.startswith("docs/") and file.is_file():
            found = "../" * _depth(source, root) + name.removeprefix("docs/")
        else:
            found = f"{REPOSITORY}/{name}"
        return found + link["rest"]

    return _LINK.sub(target, text)


def unlisted(nav: list[Any], folder: Path) -> Iterator[str]:
    """Yield a line for each page that the navigation does not name; decisions are listed on their own page."""
    listed = set(_names(nav))
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).as_posix()
        if name not in listed and not name.startswith("decisions/"):
            yield f"zensical.toml: `nav` does not name {name}"


def loaded_from_elsewhere(site: Path) -> Iterator[str]:
    """Yield a line for each page that loads something from another site."""
    for path in sorted(site.rglob("*.html")):
        if _LOADED.search(path.read_text("utf-8")):
            yield f"{path.relative_to(site)} loads something from another site"


def _names(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        if isinstance(entry, str):
            yield entry
        else:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else _names(value)


def _depth(source: Path, root: Path) -> int:
    """Return how many folders below the site's root a file's page is."""
    parent = source.parent.relative_to(root)
    return max(len(parent.parts) - 1, 0)


if __name__ == "__main__":
    sys.exit(main())
