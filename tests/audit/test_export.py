"""Entries of the audit log as text."""

import csv
import io

import pytest

from common.audit.events import Actor, Entry
from common.audit.export import HEADINGS, Format, render

AT = 1_767_323_045_678


def entry(description: str = "Made token 'ci'", *, event: str = "organization-token-created", name: str = "Alice") -> Entry:
    """An entry of alice's."""
    return Entry("e1", AT, event, description, Actor("u1", "alice", "t1", "ci", "192.0.2.7"), name, "alice@example.com", "")


def text_of(entries: list[Entry], form: Format, *, host: str, org_id: str) -> str:
    """Return an export."""
    return "".join(render(entries, form, host=host, org_id=org_id))


class TestCSV:
    def test_has_a_line_for_each(self) -> None:
        """A heading, then the time in UTC, who, what, from where, and upstream's three marks."""
        heading, first, second = csv.reader(
            io.StringIO(
                text_of(
                    [entry(), entry('a "quoted", text', event="oidc-issuer-validation-failed")],
                    Format.CSV,
                    host="h",
                    org_id="o",
                )
            )
        )

        assert list(HEADINGS) == heading
        assert [
            "2026-01-02T03:04:05Z",
            "Alice",
            "alice",
            "organization-token-created",
            "Made token 'ci'",
            "192.0.2.7",
            "true",
            "false",
            "false",
        ] == first
        assert ('a "quoted", text', "false", "true") == (second[4], second[6], second[8])

    @pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx"])
    def test_has_no_formulas(self, text: str) -> None:
        """A name or a text that a spreadsheet would compute is shown as it is."""
        _, row = csv.reader(io.StringIO(text_of([entry(text, name=text)], Format.CSV, host="h", org_id="o")))

        assert (f"'{text}", f"'{text}") == (row[1], row[4])


class TestCEF:
    def test_has_a_line_for_each(self) -> None:
        """Header and extensions as security systems read them."""
        line = text_of([entry()], Format.CEF, host="api.example.com", org_id="o1")

        assert (
            "Jan 02 03:04:05 api.example.com CEF:0|Stackhold|Stackhold|1|organization-token-created|Organization token created|3|"
            "dvchost=api.example.com rt=1767323045678 src=192.0.2.7 suser=alice orgID=o1 userID=u1 msg=Made token 'ci' "
            "requireOrgAdmin=true requireStackAdmin=false authenticationFailure=false\n"
        ) == line

    def test_escapes_what_would_end_a_field(self) -> None:
        """Pipes, equals signs, backslashes and new lines in names end neither a field nor a line."""
        line = text_of([entry("a|b=c\\d\ne", event="x|y")], Format.CEF, host="h", org_id="o")

        assert r"|x\|y|x\|y|3|" in line
        assert r"msg=a|b\=c\\d\ne " in line
        assert 1 == line.count("\n")
