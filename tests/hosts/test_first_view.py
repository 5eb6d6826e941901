"""The pages through the packed Azure function."""

from pathlib import Path

from tests.browser.first_view import LIMIT, requests_of_first_view
from tests.e2e.cli import Server


def test_first_view_of_a_stack_takes_few_requests(azure_server: Server, tmp_path: Path) -> None:
    """A browser that has the scripts and styles asks for the page, and for hardly anything else: each request may start a function."""
    sent = requests_of_first_view(azure_server, tmp_path / "profile")

    assert len(sent) <= LIMIT, sent
