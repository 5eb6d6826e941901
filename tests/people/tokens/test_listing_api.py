"""Lists of tokens: filters, search, order and pages."""

import json
from base64 import urlsafe_b64decode

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.paging import make_token, read_token
from common.rights.permissions import Role
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.people import ADMIN_TOKEN, make_user
from tests.factories.teams import make_team
from tests.factories.tokens import OPS, OWN, TOKENS, create, in_days, listed, signed
from tests.wire import error_of


@pytest.fixture
def three(client: TestClient, backend: Backend, clock: FrozenClock) -> dict[str, dict[str, str]]:
    """Three tokens of acme, a minute apart: one without an end, one that ends in a day, one in a month."""
    made = {}
    for name, days in (("beta", 0), ("Alpha", 1), ("gamma", 30)):
        expires = in_days(backend, days) if days else 0
        made[name] = create(client, TOKENS, name=name, description=f"Runs {name.upper()} 100% of_it", expires=expires)
        clock.pass_seconds(60)
    return made


class TestFilter:
    def test_shows_what_is_good_by_default(
        self, client: TestClient, three: dict[str, dict[str, str]], clock: FrozenClock
    ) -> None:
        """Without a filter a list has the tokens that are good; expired ones are shown when asked for, revoked ones never."""
        clock.pass_seconds(2 * 86_400)
        client.delete(f"{TOKENS}/{three['beta']['id']}")

        assert ["gamma"] == listed(client, TOKENS)
        assert ["gamma"] == listed(client, TOKENS, filter="active")
        assert ["Alpha"] == listed(client, TOKENS, filter="expired")
        assert ["gamma", "Alpha"] == listed(client, TOKENS, filter="all")

    def test_keeps_owners_apart(self, client: TestClient, backend: Backend) -> None:
        """Each list has its owner's tokens: a person's, an organization's, a team's."""
        make_team(backend)
        make_team(backend, "dev")
        bob = make_user(backend, "bob", org="acme")
        paths = (OWN, TOKENS, OPS, "/api/orgs/acme/teams/dev/tokens", "/api/orgs/admin/tokens")
        for number, path in enumerate(paths):
            create(client, path, name=f"t{number}", description=f"d{number}")

        assert ["d0", "bootstrap"] == listed(client, OWN)
        assert [[f"t{number}"] for number in (1, 2, 3, 4)] == [listed(client, path) for path in paths[1:]]
        assert 1 == len(client.get(OWN, headers=signed(bob)).json()["tokens"])


class TestSearch:
    @pytest.mark.parametrize(
        ("search", "expected"),
        [
            ("alpha", ["Alpha"]),
            ("LPH", ["Alpha"]),
            ("runs", ["gamma", "Alpha", "beta"]),
            ("100%", ["gamma", "Alpha", "beta"]),
            ("of_it", ["gamma", "Alpha", "beta"]),
            ("%", ["gamma", "Alpha", "beta"]),
            ("x%", []),
            ("r_ns", []),
            ("'", []),
            ("\\", []),
            ("", ["gamma", "Alpha", "beta"]),
        ],
    )
    def test_finds_parts_in_any_case(
        self, client: TestClient, three: dict[str, dict[str, str]], search: str, expected: list[str]
    ) -> None:
        """A part of the name or the description is enough, in any case; no character has a meaning of its own."""
        assert expected == listed(client, TOKENS, search=search)

    @pytest.mark.parametrize("text", ["Äpfel", "ключ", "鍵", "🔑"])
    def test_finds_other_alphabets(self, client: TestClient, text: str) -> None:
        """What is written as it was is found, in every alphabet."""
        create(client, OWN, description=f"for {text}s")

        assert [f"for {text}s"] == listed(client, OWN, search=text)


class TestSort:
    @pytest.mark.parametrize(
        ("by", "ascending"),
        [
            ("name", ["Alpha", "beta", "gamma"]),
            ("created", ["beta", "Alpha", "gamma"]),
            ("expires", ["Alpha", "gamma", "beta"]),
            ("lastUsed", ["gamma", "Alpha", "beta"]),
        ],
    )
    def test_orders_both_ways(
        self, client: TestClient, three: dict[str, dict[str, str]], clock: FrozenClock, by: str, ascending: list[str]
    ) -> None:
        """A list is ordered by what was asked for: names in any case, never used first, never expiring last."""
        for name in ("Alpha", "beta"):
            client.get("/api/user", headers=signed(three[name]["tokenValue"]))
            clock.pass_seconds(60)

        assert ascending == listed(client, TOKENS, sortBy=by)
        assert ascending == listed(client, TOKENS, sortBy=by, sortDirection="asc")
        assert ascending[::-1] == listed(client, TOKENS, sortBy=by, sortDirection="desc")

    def test_shows_the_newest_first_by_default(self, client: TestClient, three: dict[str, dict[str, str]]) -> None:
        """Without an order the newest token comes first, and a direction alone turns the list."""
        assert ["gamma", "Alpha", "beta"] == listed(client, TOKENS)
        assert ["beta", "Alpha", "gamma"] == listed(client, TOKENS, sortDirection="asc")


class TestPages:
    @pytest.mark.parametrize("by", ["name", "created", "lastUsed", "expires"])
    @pytest.mark.parametrize("direction", ["asc", "desc"])
    def test_have_everything_once(
        self, client: TestClient, backend: Backend, clock: FrozenClock, by: str, direction: str
    ) -> None:
        """Page after page gives every token once, in the order of the whole list, also where many are equal."""
        for number in range(7):
            create(client, TOKENS, name=f"t{number}", expires=in_days(backend, 1 + number // 3))
            clock.pass_seconds(number % 2)
        query: dict[str, str | int] = {"sortBy": by, "sortDirection": direction}
        whole, found, token = listed(client, TOKENS, **query), [], ""
        for _ in range(4):
            page = client.get(TOKENS, params={**query, "maxResults": 2, **({"continuationToken": token} if token else {})}).json()
            found += [one["name"] for one in page["tokens"]]
            token = page.get("continuationToken", "")

        assert (7, whole, "") == (len(whole), found, token)

    def test_are_as_long_as_asked(self, client: TestClient) -> None:
        """A page has a hundred tokens unless another number is asked for; the last has no continuation."""
        for number in range(101):
            create(client, TOKENS, name=f"t{number:03}")
        first = client.get(TOKENS).json()

        assert (100, True) == (len(first["tokens"]), "continuationToken" in first)
        for limit in (101, 1000, 5000):
            found = client.get(TOKENS, params={"maxResults": limit}).json()
            assert (101, False) == (len(found["tokens"]), "continuationToken" in found)

    def test_belong_to_their_list(self, client: TestClient, backend: Backend) -> None:
        """A continuation is refused in another list, another order or search, and from another person; so is rubbish."""
        for number in range(3):
            create(client, TOKENS, name=f"t{number}", description="x")
            create(client, OWN, description="x")
        token = client.get(TOKENS, params={"maxResults": 1}).json()["continuationToken"]
        named = client.get(TOKENS, params={"maxResults": 1, "sortBy": "name"}).json()["continuationToken"]
        bob = make_user(backend, "bob", org="acme", role=Role.ADMIN)

        for path, query, who in (
            (OWN, {}, ADMIN_TOKEN),
            (TOKENS, {"sortBy": "name"}, ADMIN_TOKEN),
            (TOKENS, {"search": "x"}, ADMIN_TOKEN),
            (TOKENS, {"filter": "all"}, ADMIN_TOKEN),
            (TOKENS, {"sortDirection": "asc"}, ADMIN_TOKEN),
            (TOKENS, {}, bob),
        ):
            reply = client.get(path, params={**query, "continuationToken": token}, headers=signed(who))
            assert (400, 400) == error_of(reply)[:2], (path, query)
        for rubbish in ("x", "%", named, token + "x", "a" * 3000):
            assert (400, 400) == error_of(client.get(TOKENS, params={"continuationToken": rubbish}))[:2], rubbish

    @pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "", "1.5"])
    def test_refuse_positions_of_their_own_making(self, client: TestClient, key: str) -> None:
        """A continuation that someone put together is 400 where its place is no number."""
        for number in range(2):
            create(client, TOKENS, name=f"t{number}")
        token = client.get(TOKENS, params={"maxResults": 1}).json()["continuationToken"]
        sealed = _seal_of(token)
        assert 2 == len(read_token(token, sealed, 2))

        assert (400, 400) == error_of(client.get(TOKENS, params={"continuationToken": make_token(sealed, key, "x")}))[:2]


class TestBadQueries:
    @pytest.mark.parametrize(
        "query",
        [
            "filter=revoked",
            "filter=",
            "sortBy=token_hash",
            "sortBy=",
            "sortBy=Name",
            "sortDirection=up",
            "maxResults=0",
            "maxResults=-1",
            "maxResults=x",
            "maxResults=1.5",
            "maxResults=",
            "search=" + "x" * 1025,
        ],
    )
    @pytest.mark.parametrize("path", [OWN, TOKENS, OPS])
    def test_are_refused(self, client: TestClient, backend: Backend, path: str, query: str) -> None:
        """What is not among the documented values is 400 in the wire's shape."""
        make_team(backend)

        assert (400, 400) == error_of(client.get(f"{path}?{query}"))[:2]

    @pytest.mark.parametrize("search", ["%00", "%ff", "%ed%a0%80", "%F0%9F%94%91"])
    def test_of_odd_characters_find_nothing(self, client: TestClient, search: str) -> None:
        """Odd bytes in a search are no fault of the server's."""
        assert 200 == client.get(f"{TOKENS}?search={search}").status_code


class TestBudget:
    @pytest.mark.parametrize(("path", "statements"), [(OWN, 2), (TOKENS, 2), (OPS, 3)])
    def test_of_a_list(self, client: TestClient, backend: Backend, counter: Counter, path: str, statements: int) -> None:
        """The caller costs one statement, the team one, the page one, however many tokens there are."""
        make_team(backend)
        for number in range(5):
            create(client, path, name=f"t{number}", description=f"t{number}")
        counter.reset()
        client.get(path)

        assert (statements, 0, 0, 0) == counter.cost


def _seal_of(token: str) -> str:
    return str(json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))[0])
