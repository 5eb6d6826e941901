"""What every template keeps to, so that no page says something else than its data, or carries what the policy blocks."""

import re
from pathlib import Path

import pytest

from functions.pages import rendering

TEMPLATES = sorted((rendering.HERE / "templates").rglob("*.html"))
# Macros, and parts of pages, have a name that begins so.
PART = "_"
BASE = (rendering.HERE / "templates" / "base.html").read_text("utf-8")
MACROS = ("_parts.html", "_console.html", "_sharing.html")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
class TestTemplates:
    def test_escapes_everything(self, path: Path) -> None:
        """No template marks anything as safe or switches the escaping off."""
        assert [] == re.findall(r"\|\s*safe|autoescape", path.read_text("utf-8"))

    def test_has_no_inline_script_or_style(self, path: Path) -> None:
        """Scripts of our own, event handlers and inline styles are blocked by the policy: none is written."""
        assert [] == re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", path.read_text("utf-8"))

    def test_forms_carry_their_key(self, path: Path) -> None:
        """Every form that is sent with POST has the visitor's key, by the macro or by hand."""
        text = path.read_text("utf-8")
        assert text.count('method="post"') == text.count('name="form_key"')

    def test_does_not_say_caller(self, path: Path) -> None:
        """Who is signed in is `person`: `caller` is Jinja's own name for the body of a form, and undefined in it."""
        assert path.name in MACROS or not re.search(r"\{[{%][^}]*\bcaller\b", path.read_text("utf-8"))

    def test_belongs_to_the_frame(self, path: Path) -> None:
        """Every page has the frame's language, title, skip link and landmarks."""
        chain = [path.read_text("utf-8")]
        while parent := re.search(r'{% extends "([^"]+)" %}', chain[-1]):
            chain.append((rendering.HERE / "templates" / parent[1]).read_text("utf-8"))
        is_framed = chain[-1] == BASE and any("{% block title %}" in text for text in chain[:-1])
        assert path.name.startswith(PART) or path.name == "base.html" or is_framed
