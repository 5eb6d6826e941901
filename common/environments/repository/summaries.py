"""Environments of one organization as the console lists them: filtered, a page at a time.

The environments of each project are counted first. So the page is read from the projects that it is in, and no word is looked
for in all names again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Subquery, func, or_, select, tuple_, union

from common.db.tables.environments import environment_tags, environments
from common.environments.model import EnvironmentFilter, ListedEnvironment
from common.environments.repository.listing import SEEING, select_listed, to_listed
from common.environments.repository.visibility import Scope, in_scope

_ESCAPE = "\\"
# So many tags are named in a statement.
_TAGS_LIMIT = 200
_FEW_TAGS = 5
# So many different tags are searched. They are those of all organizations: one with many of its own must not slow down others.
_PAIRS_LIMIT = 5_000
# More than there are. A query with a limit is run as it is; SQLite would make it a part of the one around it.
_ALL = 1 << 40


@dataclass(frozen=True, slots=True)
class Word:
    """A word to look for. `tags` are the names and values of tags that have it, or None if they are too many."""

    text: str
    tags: list[tuple[str, str]] | None


def find_words(connection: Connection, text: str, tags_limit: int = _TAGS_LIMIT, pairs_limit: int = _PAIRS_LIMIT) -> list[Word]:
    """Return the words of a text with the tags that have them, of any organization; one statement, or none without words."""
    words = list(dict.fromkeys(text.lower().split()))
    if not words:
        return []
    # Each pair once: there are far fewer of them than of tags.
    distinct = (
        select(environment_tags.c.name, environment_tags.c.value).distinct().limit(pairs_limit + 1).subquery("distinct_pairs")
    )
    pairs = select(distinct, func.row_number().over().label("position")).subquery("pairs")
    has_one = or_(*(_has(pairs.c.name + "=" + pairs.c.value, word) for word in words), pairs.c.position > pairs_limit)
    rows = connection.execute(select(pairs).where(has_one).limit(tags_limit + 1)).all()
    if len(rows) > tags_limit or any(row.position > pairs_limit for row in rows):
        return [Word(word, None) for word in words]
    tags = [(row.name, row.value) for row in rows]
    found = [Word(word, [(name, value) for name, value in tags if word in f"{name}={value}".lower()]) for word in words]
    is_too_long = sum(len(word.tags or ()) for word in found) > tags_limit
    return [Word(word, None) for word in words] if is_too_long else found


def count_by_project(
    connection: Connection, scope: Scope, narrowed: EnvironmentFilter, words: Sequence[Word]
) -> list[tuple[str, int]]:
    """Return the projects with the number of their environments that match, by name; the filter's project is left out."""
    matched = _matched(_visible(scope, narrowed), words, has_tag=bool(narrowed.tag))
    query = select(matched.c.project, func.count()).group_by(matched.c.project).order_by(matched.c.project)
    return [(project, number) for project, number in connection.execute(query)]


def page(  # noqa: PLR0917 - what a page consists of
    connection: Connection,
    scope: Scope,
    narrowed: EnvironmentFilter,
    words: Sequence[Word],
    counts: Sequence[tuple[str, int]],
    limit: int,
    offset: int,
) -> list[ListedEnvironment]:
    """Return live environments of a scope in order of project and name; `counts` are those of the projects they may be in."""
    projects, before = _projects_of_page(counts, limit, offset)
    if not projects:
        return []
    visible = _visible(scope, narrowed).where(environments.c.project.between(projects[0], projects[-1]))
    matched = _matched(visible, words, has_tag=bool(narrowed.tag))
    cut = select(matched).order_by(matched.c.project, matched.c.name).limit(limit).offset(offset - before).subquery("cut")
    query = select_listed().join(cut, cut.c.id == environments.c.id).order_by(environments.c.project, environments.c.name)
    return to_listed(connection, connection.execute(query).all())


def _projects_of_page(counts: Sequence[tuple[str, int]], limit: int, offset: int) -> tuple[list[str], int]:
    """Return the projects that a page is in, and how many matches there are before the first of them."""
    projects: list[str] = []
    first = end = 0
    for project, count in counts:
        begin, end = end, end + count
        if end > offset and begin < offset + limit:
            first = first if projects else begin
            projects.append(project)
    return projects, first


def _visible(scope: Scope, narrowed: EnvironmentFilter) -> Select[Any]:
    """Return the query of what a scope and a tag leave, whatever the project and the words."""
    query = select(environments.c.id, environments.c.project, environments.c.name)
    query = query.where(environments.c.live == 1, in_scope(scope, SEEING))
    if narrowed.tag:
        # An alias of its own: the scope's condition may look at tags too.
        tags = environment_tags.alias("filtering")
        query = query.join(tags, tags.c.environment_id == environments.c.id).where(tags.c.name == narrowed.tag)
        query = query.where(tags.c.value == narrowed.tag_value) if narrowed.tag_value else query
    return query


def _matched(visible: Select[Any], words: Sequence[Word], *, has_tag: bool) -> Subquery:
    """Return the environments of a query that have all words in their names or tags.

    Those that have the first word in a tag are found by the tag: to look at the tags of each environment takes ten times as long.
    """
    if not words:
        # With a limit, so that SQLite begins with the tag.
        return (visible.limit(_ALL) if has_tag else visible).subquery("matched")
    first, *others = sorted(words, key=_breadth)
    have_others = [_named(word) if word.tags == [] else or_(_named(word), _tagged(word)) for word in others]
    # The first word first: what has it is looked at for the others.
    named = visible.where(_named(first), *have_others)
    if first.tags == []:
        return named.subquery("matched")
    tags = environment_tags.alias("matching")
    by_tag = visible.join(tags, tags.c.environment_id == environments.c.id).where(_has_tag(tags, first), *have_others)
    return union(named, by_tag).subquery("matched")


def _breadth(word: Word) -> int:
    """Return about how many environments have a word: those of a tag, or as many as a few tags have where no tag has it."""
    if word.tags is None:
        return _TAGS_LIMIT + 1
    return len(word.tags) or _FEW_TAGS


def _named(word: Word) -> ColumnElement[bool]:
    return _has(environments.c.project + "/" + environments.c.name, word.text)


def _tagged(word: Word) -> ColumnElement[bool]:
    tags = environment_tags.alias("tagged")
    return environments.c.id.in_(select(tags.c.environment_id).where(_has_tag(tags, word)))


def _has_tag(tags: FromClause, word: Word) -> ColumnElement[bool]:
    if word.tags is None:
        return _has(tags.c.name + "=" + tags.c.value, word.text)
    return tuple_(tags.c.name, tags.c.value).in_(word.tags)


def _has(text: ColumnElement[str], word: str) -> ColumnElement[bool]:
    pattern = "%" + "".join(f"{_ESCAPE}{letter}" if letter in f"%_{_ESCAPE}" else letter for letter in word) + "%"
    return func.lower(text).like(pattern, escape=_ESCAPE)
