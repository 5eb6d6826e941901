"""The page of the hourly export of an audit log: set, tried out, shown with its last result, deleted."""

import pytest

from tests.audit.archives.conftest import backend
from tests.factories.audit_exports import ROLE
from tests.pages.org_pages import SETTINGS
from tests.pages.visiting import Visit, shown

__all__ = ["backend"]
pytestmark = pytest.mark.dialects("sqlite")
PAGE = f"{SETTINGS}/audit-log/hourly-export"
S3 = {"kind": "s3", "bucket": "audit", "access": ROLE, "prefix": "logs", "enabled": "yes"}
# Nothing listens there.
AZURE = {"kind": "azure-blob", "address": "http://127.0.0.1:9/audit", "secret": "sv=1&sig=hush-hush-hush", "enabled": "yes"}


class TestPage:
    def test_sets_and_deletes(self, member: Visit) -> None:
        """A bucket and a role are saved, shown with the external id, and deleted."""
        saved = member.submit(PAGE, on=PAGE, headers=None, **S3)
        text = shown(member.open(PAGE))
        member.submit(f"{PAGE}/delete", on=PAGE)

        assert 303 == saved.status_code
        assert "External ID" in text
        assert "None yet" in text
        assert "Not set up" in shown(member.open(PAGE))

    def test_tries_a_destination_out(self, member: Visit) -> None:
        """The result of the test is on the page, with the form as it was sent and without the secret; nothing is saved."""
        page = member.submit(f"{PAGE}/test", on=PAGE, headers=None, **AZURE)

        assert 200 == page.status_code
        assert "The test failed: 127.0.0.1 cannot be reached" in shown(page)
        assert 'value="http://127.0.0.1:9/audit"' in page.text
        assert "hush" not in page.text
        assert "Not set up" in shown(page)

    def test_shows_what_is_wrong(self, member: Visit) -> None:
        """A role that is no ARN comes back with the form."""
        page = member.submit(PAGE, on=PAGE, headers=None, **{**S3, "access": "audit"})

        assert 400 == page.status_code
        assert "must be the ARN of a role" in shown(page)
        assert 'value="audit"' in page.text
