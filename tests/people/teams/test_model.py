import pytest

from common.core.errors import BadRequest
from common.people.teams.model import (
    DESCRIPTION_LIMIT,
    DISPLAY_NAME_LIMIT,
    EnvironmentChange,
    require_environment,
    require_name,
    require_texts,
)


class TestRequireName:
    @pytest.mark.parametrize("name", ["a", "ops", "Ops_1.x-y", "github", "pulumi", "a" * 100])
    def test_takes_what_an_address_can_hold(self, name: str) -> None:
        """Letters, digits, hyphens, underscores and periods, up to a hundred."""
        require_name(name)

    @pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "ä", "a" * 101, "a\n"])
    def test_refuses_all_else(self, name: str) -> None:
        """Any other name is a bad request."""
        with pytest.raises(BadRequest, match="team name"):
            require_name(name)


class TestRequireTexts:
    def test_counts_characters(self) -> None:
        """A hundred characters make a display name, however many bytes they have; one more is too long."""
        require_texts("🦉" * DISPLAY_NAME_LIMIT, "x" * DESCRIPTION_LIMIT)
        require_texts(None, None)

        with pytest.raises(BadRequest, match=r"display name .* 100 characters, not 101"):
            require_texts("🦉" * (DISPLAY_NAME_LIMIT + 1), None)
        with pytest.raises(BadRequest, match=r"description .* 1,024 characters"):
            require_texts(None, "x" * (DESCRIPTION_LIMIT + 1))


class TestRequireEnvironment:
    @pytest.mark.parametrize(("project", "name"), [("a b", "dev"), ("p", ""), ("p", "x" * 101), ("..", "dev")])
    def test_refuses_a_bad_name(self, project: str, name: str) -> None:
        """Project and environment have the alphabet of stacks."""
        with pytest.raises(BadRequest, match=r"invalid (project|environment) name"):
            require_environment(EnvironmentChange(project, name, "open"))

    def test_refuses_a_bad_duration(self) -> None:
        """A duration is checked where there is one."""
        require_environment(EnvironmentChange("p", "dev", "open"))

        with pytest.raises(BadRequest, match="'soon' is not a duration"):
            require_environment(EnvironmentChange("p", "dev", "open", "soon"))
