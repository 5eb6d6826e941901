import pytest

from common.core.errors import NotFound
from common.people.roles.scopes import scopes_by_bucket
from common.people.roles.service import roles
from common.rights.caller import Caller
from common.rights.permissions import Permission


class TestScopes:
    def test_hold_every_permission_once(self) -> None:
        """Each permission stands in one group, with words of its own; but those that a client would stumble over."""
        found = [scope for groups in scopes_by_bucket().values() for scopes_of in groups.values() for scope in scopes_of]

        shown = {permission for permission in Permission if not permission.startswith("policy_exceptions:")}

        assert sorted(shown) == sorted(permission for permission, _ in found)
        assert len(shown) == len({words for _, words in found})

    def test_leave_no_group_empty_or_twice(self) -> None:
        """A group belongs to one bucket and holds something."""
        names = [name for groups in scopes_by_bucket().values() for name, found in groups.items() if found]

        assert 36 == len(names) == len(set(names)) == sum(map(len, scopes_by_bucket().values()))


class TestListScopes:
    def test_is_for_members(self, admin: Caller) -> None:
        """A user who belongs to the organization may see them."""
        assert scopes_by_bucket() == roles.list_scopes(admin, "acme")
        with pytest.raises(NotFound):
            roles.list_scopes(admin, "beta")
