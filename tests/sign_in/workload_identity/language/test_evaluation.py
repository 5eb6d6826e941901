"""What policies evaluate."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.rights import built_in
from common.sign_in.workload_identity.language.evaluation import Refusal, TokenRights, evaluate
from common.sign_in.workload_identity.model import Decision, Level, RequestedToken, Statement, TokenType

ROLE = "00000000-0000-7000-8000-0000000000aa"
ORG = RequestedToken(TokenType.ORGANIZATION)
ADMIN = RequestedToken(TokenType.ORGANIZATION, is_admin=True)
TEAM = RequestedToken(TokenType.TEAM, "ops")
CLAIMS = {"aud": "urn:pulumi:org:acme", "sub": "ci"}


def statement(decision: Decision = Decision.ALLOW, kind: TokenType = TokenType.ORGANIZATION, **members: Any) -> Statement:
    """Return a statement about the subject `ci`."""
    levels = (Level.STANDARD,) if kind is TokenType.ORGANIZATION and decision is Decision.ALLOW else ()
    return Statement(decision, kind, **{"rules": {"sub": "ci"}, "levels": levels, **members})


def of(*statements: Statement, wish: RequestedToken = ORG, **claims: Any) -> TokenRights | Refusal:
    """Return what a policy decides."""
    return evaluate(statements, CLAIMS | claims, wish, "acme")


STATEMENTS = st.builds(
    statement,
    st.sampled_from(Decision),
    rules=st.dictionaries(st.sampled_from(["sub", "aud", "x"]), st.sampled_from(["ci", "*", "urn:*", ["a", "ci"]]), max_size=2),
)


class TestDecide:
    def test_nothing_without_statements(self) -> None:
        """A policy without statements allows nothing."""
        assert Refusal.NO_MATCH == of()

    def test_all_rules_must_match(self) -> None:
        """One rule that does not match is enough to say no; of a list of patterns one must match."""
        assert TokenRights() == of(statement(rules={"sub": ["x", "c."], "aud": "urn:pulumi:org:acme"}))
        assert Refusal.NO_MATCH == of(statement(rules={"sub": "ci", "ref": "main"}))
        assert Refusal.NO_MATCH == of(statement(rules={"sub": ["x", "y"]}))

    def test_the_same_claim_twice(self) -> None:
        """Two spellings of one claim are two rules, and both must match."""
        assert Refusal.NO_MATCH == of(statement(rules={"sub": "ci", '"sub"': "x"}))
        assert Refusal.NO_MATCH == of(statement(rules={"sub": "x", '"sub"': "ci"}))

    @given(st.lists(STATEMENTS, max_size=6))
    def test_denial_beats_all(self, statements: list[Statement]) -> None:
        """Whatever else a policy says and in whichever order, a statement that denies and matches decides."""
        found = [of(*statements, statement(Decision.DENY)), of(statement(Decision.DENY), *statements)]

        assert [Refusal.DENIED, Refusal.DENIED] == found

    @given(st.lists(STATEMENTS, max_size=6))
    def test_order_of_statements_is_nothing(self, statements: list[Statement]) -> None:
        """Statements of the same role may stand in any order."""
        assert of(*statements) == of(*reversed(statements))

    def test_types_are_apart(self) -> None:
        """A statement is about one type of token; what it denies of one type it leaves be for others."""
        assert Refusal.NO_MATCH == of(statement(), wish=TEAM)
        assert TokenRights() == of(statement(), statement(Decision.DENY, TokenType.TEAM, target="ops"))

    @pytest.mark.parametrize(
        ("target", "is_given"), [("ops", True), ("o*", True), ("op.", True), ("dev", False), ("ops-*", False)]
    )
    def test_teams_by_pattern(self, target: str, is_given: bool) -> None:
        """The name of a team is a pattern."""
        assert (TokenRights() if is_given else Refusal.NO_MATCH) == of(statement(kind=TokenType.TEAM, target=target), wish=TEAM)

    def test_users_by_name(self) -> None:
        """The login of a user is no pattern."""
        policy = statement(kind=TokenType.PERSONAL, target="al.ce")

        assert Refusal.NO_MATCH == of(policy, wish=RequestedToken(TokenType.PERSONAL, "alice"))
        assert TokenRights() == of(policy, wish=RequestedToken(TokenType.PERSONAL, "al.ce"))

    @pytest.mark.parametrize(
        ("members", "plain", "admin"),
        [
            ({"levels": (Level.STANDARD,)}, TokenRights(), Refusal.NOT_ADMIN),
            ({"levels": (Level.ADMIN,)}, TokenRights(), TokenRights(is_admin=True)),
            ({"levels": (Level.STANDARD, Level.ADMIN)}, TokenRights(), TokenRights(is_admin=True)),
            ({"levels": (), "role_id": ROLE}, TokenRights(role_id=ROLE), Refusal.NOT_ADMIN),
            ({"levels": (), "role_id": built_in.ADMIN.id}, TokenRights(role_id=built_in.ADMIN.id), TokenRights(is_admin=True)),
        ],
    )
    def test_what_an_organization_s_token_is(
        self, members: dict[str, Any], plain: TokenRights, admin: TokenRights | Refusal
    ) -> None:
        """An admin's token needs the scope and the policy; a role is given as it is."""
        assert (plain, admin) == (of(statement(**members)), of(statement(**members), wish=ADMIN))

    @pytest.mark.parametrize(
        ("levels", "plain"), [((), Refusal.DENIED), ((Level.STANDARD,), Refusal.DENIED), ((Level.ADMIN,), TokenRights())]
    )
    def test_denies_admins_alone(self, levels: tuple[Level, ...], plain: TokenRights | Refusal) -> None:
        """A statement that denies `admin` leaves plain tokens be; every other one denies both."""
        both = statement(levels=(Level.ADMIN,)), statement(Decision.DENY, levels=levels)

        assert (plain, Refusal.DENIED) == (of(*both), of(*both, wish=ADMIN))


class TestAudience:
    @pytest.mark.parametrize(
        ("audience", "is_given"),
        [
            ("urn:pulumi:org:acme", True),
            (["x", "urn:pulumi:org:acme"], True),
            ("urn:pulumi:org:acme-evil", False),
            ("acme", False),
            ([], False),
            (None, False),
            (["x"], False),
        ],
    )
    def test_without_a_rule(self, audience: object, is_given: bool) -> None:
        """A statement that says nothing of the audience takes what was made for its organization."""
        assert (TokenRights() if is_given else Refusal.NO_MATCH) == of(statement(), aud=audience)

    @pytest.mark.parametrize(
        ("pattern", "audience", "is_given"),
        [
            ("urn:pulumi:org:acme*", "urn:pulumi:org:acme-evil", False),
            ("*", "urn:pulumi:org:other", False),
            ("*", "https://example.com", True),
            ("urn:pulumi:org:*", "urn:pulumi:org:acme", True),
            ("urn:pulumi:org:other", "urn:pulumi:org:other", True),
            ("https://*.example.com", "https://ci.example.com", True),
        ],
    )
    def test_by_a_rule(self, pattern: str, audience: str, is_given: bool) -> None:
        """A rule takes any audience that it names; a loose pattern never takes one of another organization."""
        found = of(statement(rules={"aud": pattern}), aud=audience)

        assert (TokenRights() if is_given else Refusal.NO_MATCH) == found

    def test_denial_takes_any(self) -> None:
        """A statement that denies needs no audience, and takes a loose one."""
        loose = statement(Decision.DENY, rules={"aud": "urn:pulumi:org:a*"})

        assert Refusal.DENIED == of(statement(), statement(Decision.DENY, rules={}), aud=["urn:pulumi:org:acme"])
        assert Refusal.DENIED == of(loose, aud="urn:pulumi:org:acme-evil")
