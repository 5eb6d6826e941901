"""`stackhold import` and `stackhold export`, as an operator sees what they refuse; tests/e2e/test_moving.py moves stacks."""

from pathlib import Path

import pytest

from tests.server.server_process import run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "diy", "file://nowhere", "--org", "acme"), "there is no folder"),
        (("import", "diy", "gs://bucket", "--org", "acme"), "must begin with s3:// or azblob:// or file://"),
        (("import", "diy", "file://.", "--org", "acme", "--stack", "dev"), "write project/stack"),
        (("import", "diy", "file://.", "--org", "acme"), "there is no installation in"),
        (
            ("import", "service", "https://api.example.com", "--from-org", "old", "--org", "acme", "--token-from-env", "TOKEN"),
            "TOKEN is not set",
        ),
        (("export", "diy", "file://out", "--org", "acme"), "no installation is signed in to"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_command_that_cannot_begin_says_why(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """In one line, before it changes anything."""
    result = run(tmp_path, *arguments, HOME=str(tmp_path))

    assert 1 == result.returncode
    assert words in result.stderr
    assert 1 == len(result.stderr.splitlines())
    assert [] == list(tmp_path.iterdir())
