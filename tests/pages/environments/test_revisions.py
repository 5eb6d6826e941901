"""Revisions of an environment on its pages: differences, tags, restore and retract."""

import pytest

from common.backend import Backend
from common.environments.model import EnvironmentPath
from common.environments.service import definitions
from common.rights.caller import Caller
from functions.pages.environments.line_differences import Line, compare_lines
from functions.pages.environments.yaml_text import highlighted
from tests.counting import Counter
from tests.pages.environment_pages import E, make_full_environment
from tests.pages.visiting import Visit, location, shown, values

pytestmark = pytest.mark.dialects("sqlite")
REVISIONS = f"{E}/revisions"


@pytest.fixture(autouse=True)
def path(backend: Backend, admin: Caller) -> EnvironmentPath:
    """acme/shop/dev with three revisions, the second of which is tagged `stable`."""
    return make_full_environment(backend, admin)


def numbers(visit: Visit, **query: str) -> list[str]:
    """The revisions that the list has."""
    return list(values(visit.open(REVISIONS, **query), r'<th scope="row"><a href="[^"]*">(\d+)</a>'))


class TestList:
    def test_has_revisions_with_tags(self, member: Visit) -> None:
        """Newest first, with authors and tags."""
        page = shown(member.open(REVISIONS))

        assert ["3", "2", "1"] == numbers(member)
        assert ["1"] == numbers(member, before="2")
        assert "latest" in page
        assert "stable" in page
        assert ["", "", "None"] == list(values(member.open(REVISIONS), r'<td data-label="Tags">([^<]*)<'))

    @pytest.mark.parametrize("address", [REVISIONS, *(f"{REVISIONS}/{name}" for name in ("2", "stable", "latest", "compare"))])
    def test_costs_few_statements(self, member: Visit, counter: Counter, address: str) -> None:
        """No page about revisions costs more than six statements, two of which record who read one."""
        member.open(address)
        counter.reset()

        assert 200 == member.open(address).status_code
        assert counter.statements <= 6

    def test_tags(self, member: Visit) -> None:
        """A tag is added, moved and deleted; a name that is taken comes back with the reason."""
        tags = f"{REVISIONS}/tags"
        member.submit(tags, on=REVISIONS, name="prod", revision="2", action="create")
        assert 409 == member.submit(tags, on=REVISIONS, name="prod", revision="3", action="create").status_code
        member.submit(tags, on=REVISIONS, name="prod", revision="3", action="move")
        assert "Revision 3" in shown(member.open(f"{REVISIONS}/prod"))

        assert f"{REVISIONS}?done=untagged" == location(member.submit(f"{tags}/delete", on=REVISIONS, name="prod"))
        assert 404 == member.open(f"{REVISIONS}/prod").status_code
        assert 400 == member.submit(tags, on=REVISIONS, name="latest", revision="2", action="create").status_code
        page = member.submit(tags, on=REVISIONS, name="x", revision="two", action="create")
        assert (400, True) == (page.status_code, "Tag a revision" in shown(page))


class TestCompare:
    def test_shows_lines(self, member: Visit) -> None:
        """What was removed and added, between the newest two unless others are named."""
        page = shown(member.open(f"{REVISIONS}/compare"))

        assert "Revision 2 to revision 3" in page
        assert 'removed: plain: "hello"' in page
        assert 'added: plain: "hello 2"' in page
        assert "No line is different" in shown(member.open(f"{REVISIONS}/compare?from=stable&to=2"))

    @pytest.mark.parametrize(("version", "status"), [("77", 404), ("a b", 400), ("none", 404)])
    def test_explains_a_version_that_does_not_exist(self, member: Visit, version: str, status: int) -> None:
        """The form keeps what was entered."""
        page = member.open(f"{REVISIONS}/compare", **{"from": version})

        assert status == page.status_code
        assert f'value="{version}"' in page.text


class TestRevision:
    def test_is_restored(self, backend: Backend, admin: Caller, member: Visit, path: EnvironmentPath) -> None:
        """Its definition becomes the newest one, unless someone saved another since the page was shown."""
        two = f"{REVISIONS}/2"
        (etag,) = values(member.open(two), r'name="etag" value="([^"]*)"')
        assert f"{E}?done=restored" == location(member.submit(f"{two}/restore", on=two, etag=etag))
        restored = definitions.get(backend, admin, path)

        assert (4, definitions.get(backend, admin, path, "2").text) == (restored.number, restored.text)
        assert 409 == member.submit(f"{two}/restore", on=two, etag=etag).status_code

    def test_is_retracted(self, member: Visit) -> None:
        """Its tags move, and it cannot be read any more; the newest one cannot be retracted."""
        two = f"{REVISIONS}/2"
        sent = member.submit(f"{two}/retract", on=two, reason="Wrong <b>port</b>", replacement="3")
        page = member.open(REVISIONS)

        assert f"{REVISIONS}?done=retracted" == location(sent)
        assert "Wrong &lt;b&gt;port&lt;/b&gt; Use revision 3." in page.text
        assert "Revision 3" in shown(member.open(f"{REVISIONS}/stable"))
        assert 404 == member.open(two).status_code
        assert 400 == member.submit(f"{REVISIONS}/3/retract", on=REVISIONS, reason="", replacement="").status_code


def test_differences_leave_out_what_is_the_same() -> None:
    """Three equal lines stand around each difference; long texts are not compared."""
    old = "\n".join(map(str, range(40)))
    lines = compare_lines(old, old.replace("5\n", "x\n", 1).replace("30", "y"))

    assert lines is not None
    assert [Line("removed", "5"), Line("added", "x")] == [line for line in lines if line.text in ("5", "x")]
    assert 1 == lines.count(Line("gap", ""))
    assert compare_lines("\n" * 5_000, "") is None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: 1 # c", '<span class="yaml-key">a</span>: <span class="yaml-number">1</span> <span class="yaml-comment"># c</span>'),
        ("\ufeffa: x\r\n", '\ufeff<span class="yaml-key">a</span>: <span class="yaml-text">x</span>\r\n'),
        ("😀: ${b}", '<span class="yaml-key">😀</span>: <span class="yaml-text"><span class="yaml-reference">${b}</span></span>'),
        ("fn::secret: 'x'", '<span class="yaml-function">fn::secret</span>: <span class="yaml-text">&#39;x&#39;</span>'),
        ("a: [<b>", '<span class="yaml-text">&lt;b&gt;</span>'),
        ("\x01 <b>", "\x01 &lt;b&gt;"),
        ("a" * 300_000, "a" * 300_000),
    ],
)
def test_definitions_are_coloured(text: str, part: str) -> None:
    """Each kind of token has a class; what cannot be read is text."""
    assert part in highlighted(text.encode())
