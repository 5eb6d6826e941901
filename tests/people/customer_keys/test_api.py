"""Keys that an organization manages itself, over the wire."""

from base64 import b64encode

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.ids import new_id
from common.crypto import rotation
from common.people.customer_keys.model import KEYS_LIMIT
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.clients import make_client
from tests.factories.customer_keys import (
    KEYS,
    ROLE,
    FakeKms,
    add,
    arn,
    count_by_key,
    migrate,
    states_of_migrations,
    with_kms,
)
from tests.factories.environments import make_environment, opened_values
from tests.factories.people import ADMIN_TOKEN, caller_of, make_org
from tests.wire import begin, create_stack, error_of, export

PLAIN = b64encode(b"s3cret").decode()
SECRET = "values:\n  pw:\n    fn::secret: hunter2\n"


def encrypted(client: TestClient, stack: str) -> str:
    """A secret of a stack."""
    ciphertext: str = client.post(f"{stack}/encrypt", json={"plaintext": PLAIN}).json()["ciphertext"]
    return ciphertext


def states(client: TestClient) -> dict[str, str]:
    """The states of the organization's keys, by their names."""
    return {key["name"]: key["state"] for key in client.get(KEYS).json()}


class TestRegister:
    def test_makes_the_first_key_the_default(self, client: TestClient) -> None:
        """The first key wraps all data keys from then on; a second one waits until it is chosen. The server's own is listed."""
        assert {"Stackhold": "default"} == states(client)

        first = add(client, "first")
        add(client, "second")

        assert {"Stackhold": "enabled", "first": "default", "second": "enabled"} == states(client)
        (shown,) = (key for key in client.get(KEYS).json() if key["id"] == first)
        assert {"keyArn": arn("first"), "roleArn": ROLE} == shown["awsKms"]
        assert ["pending"] == states_of_migrations(client)

    @pytest.mark.parametrize(
        ("change", "part"),
        [
            ({"name": " "}, "a name"),
            ({"keyType": "service"}, "keyType must be 'aws_kms'"),
            ({"keyType": "azure_key_vault"}, "keyType must be 'aws_kms'"),
            ({"awsKms": None}, "keyArn must be"),
            ({"awsKms": {"keyArn": "https://example.com/key", "roleArn": ROLE}}, "keyArn must be"),
            ({"awsKms": {"keyArn": arn("new"), "roleArn": ""}}, "roleArn must be"),
            ({"awsKms": {"keyArn": arn("lost"), "roleArn": ROLE}}, "enable the key"),
            ({"name": "taken"}, "named 'taken' already"),
        ],
    )
    def test_refuses_what_does_not_work(self, client: TestClient, kms: FakeKms, change: dict[str, object], part: str) -> None:
        """A key is tried when it is registered: one that does not encrypt would lock the organization out."""
        add(client, "taken")
        kms.lost = {arn("lost")}
        body = {"name": "new", "keyType": "aws_kms", "awsKms": {"keyArn": arn("new"), "roleArn": ROLE}, **change}

        reply = client.post(KEYS, json=body)

        assert 400 == reply.status_code
        assert part in error_of(reply)[2]
        assert {"Stackhold", "taken"} == set(states(client))

    def test_names_the_external_id_when_the_role_refuses(self, client: TestClient, kms: FakeKms) -> None:
        """The organization's id, which the trust policy of the role may ask for, is in the refusal."""
        kms.lost = {arn("new")}
        body = {"name": "new", "keyType": "aws_kms", "awsKms": {"keyArn": arn("new"), "roleArn": ROLE}}

        refused = error_of(client.post(KEYS, json=body))[2]

        assert "the external id is " in refused
        assert ROLE in refused

    def test_ends_at_a_number_of_keys(self, client: TestClient) -> None:
        """Disabled keys count too."""
        for number in range(KEYS_LIMIT):
            add(client, f"key-{number}")

        reply = client.post(KEYS, json={"name": "more", "keyType": "aws_kms", "awsKms": {"keyArn": arn("more"), "roleArn": ROLE}})

        assert 400 == reply.status_code


class TestDataKeys:
    def test_are_wrapped_by_the_organizations_key(
        self, server: Backend, client: TestClient, admin: Caller, kms: FakeKms, clock: FrozenClock
    ) -> None:
        """Those from before are wrapped anew and those from now on at once; all secrets open, also in a fresh process."""
        stack = create_stack(client, "dev")
        before = encrypted(client, stack)
        path = make_environment(server, admin, "app/dev", SECRET)
        project = "/api/projects/acme/shop"
        of_project = client.post(f"{project}/encrypt", json={"plaintext": PLAIN}).json()["ciphertext"]
        assert {"": 3} == count_by_key(server)

        add(client, "own")
        migrate(server, clock)
        create_stack(client, "prod")
        make_environment(server, caller_of(server, ADMIN_TOKEN), "app/prod", SECRET)

        assert {"own": 5} == count_by_key(server)
        assert ["completed"] == states_of_migrations(client)
        assert 3 == client.get(f"{KEYS}/migration").json()[0]["rewrapped"]
        fresh = with_kms(server, kms)
        with make_client(fresh) as later:
            assert PLAIN == later.post(f"{stack}/decrypt", json={"ciphertext": before}).json()["plaintext"]
            assert PLAIN == later.post(f"{project}/decrypt", json={"ciphertext": of_project}).json()["plaintext"]
        assert {"pw": "hunter2"} == opened_values(fresh, admin, path)

    def test_of_one_organization_are_lost_with_its_key_alone(
        self, server: Backend, client: TestClient, admin: Caller, kms: FakeKms, clock: FrozenClock
    ) -> None:
        """The error names the key and what to do; lists, states, sign-in and other organizations go on."""
        make_org(server, "globex", admin)
        stack = create_stack(client, "dev")
        of_globex = create_stack(client, "dev", org="globex")
        texts = {address: encrypted(client, address) for address in (stack, of_globex)}
        add(client, "own")
        migrate(server, clock)
        kms.lost = {arn("own")}

        with make_client(with_kms(server, kms)) as later:
            refused = later.post(f"{stack}/decrypt", json={"ciphertext": texts[stack]})
            assert 500 == refused.status_code
            assert f"refuses key {arn('own')} (DisabledException): enable the key" in error_of(refused)[2]
            assert 500 == later.post("/api/stacks/acme/shop", json={"stackName": "new"}).status_code
            other = later.post(f"{of_globex}/decrypt", json={"ciphertext": texts[of_globex]})
            assert PLAIN == other.json()["plaintext"]
            assert 200 == later.post("/api/stacks/globex/shop", json={"stackName": "new"}).status_code
            assert {200} == {later.get(address).status_code for address in ("/api/user", "/api/user/stacks", stack, KEYS)}
            assert export(later, stack)

    def test_do_not_disturb_a_running_update(self, server: Backend, client: TestClient, clock: FrozenClock) -> None:
        """The key is changed and changed back while an update runs, which encrypts and completes as if nothing had happened."""
        stack = create_stack(client, "dev")
        update = begin(client, stack)
        text = encrypted(client, stack)
        add(client, "own")
        migrate(server, clock)

        assert PLAIN == client.post(f"{stack}/decrypt", json={"ciphertext": text}).json()["plaintext"]
        client.post(f"{KEYS}/disable")
        migrate(server, clock)
        completed = update.complete()

        assert completed.is_success, completed.text
        assert {"": 1} == count_by_key(server)
        assert PLAIN == client.post(f"{stack}/decrypt", json={"ciphertext": text}).json()["plaintext"]

    def test_stay_under_it_when_the_master_key_is_rotated(
        self, server: Backend, client: TestClient, kms: FakeKms, clock: FrozenClock
    ) -> None:
        """Rotation wraps nothing of theirs, does not call their key service, and finds no problem where that is lost."""
        create_stack(client, "dev")
        add(client, "own")
        migrate(server, clock)
        kms.lost, kms.calls = {arn("own")}, 0

        result = rotation.rotate(server, is_stopped=True, show=len)

        assert ([], 0, 1, 0) == (result.problems, result.rewrapped, result.customer_managed, kms.calls)

    def test_of_a_stack_follow_it_to_another_organization(
        self, server: Backend, client: TestClient, admin: Caller, clock: FrozenClock
    ) -> None:
        """A stack that moves leaves the key of its former organization, which that one may disable."""
        make_org(server, "globex", admin)
        stack = create_stack(client, "dev")
        text = encrypted(client, stack)
        add(client, "own")
        migrate(server, clock)

        assert client.post(f"{stack}/transfer", json={"toOrg": "globex"}).is_success
        migrate(server, clock)

        assert {"": 1} == count_by_key(server)
        moved = "/api/stacks/globex/shop/dev"
        assert PLAIN == client.post(f"{moved}/decrypt", json={"ciphertext": text}).json()["plaintext"]


class TestDefault:
    def test_can_be_chosen(self, server: Backend, client: TestClient, clock: FrozenClock) -> None:
        """Another key wraps all data keys, and so does the server's own if it is chosen. An unknown one is NotFound."""
        create_stack(client, "dev")
        add(client, "first")
        second = add(client, "second")
        assert 404 == client.post(f"{KEYS}/{new_id()}/default").status_code

        assert 200 == client.post(f"{KEYS}/{second}/default").status_code
        migrate(server, clock)
        assert {"second": 1} == count_by_key(server)
        assert ["completed", "superseded"] == states_of_migrations(client)

        assert 200 == client.post(f"{KEYS}/service/default").status_code
        migrate(server, clock)
        assert {"": 1} == count_by_key(server)
        assert {"Stackhold": "default", "first": "enabled", "second": "enabled"} == states(client)

    def test_may_be_disabled_in_favor_of_another_key(self, server: Backend, client: TestClient, clock: FrozenClock) -> None:
        """The destination becomes the default; a disabled key is not chosen again."""
        create_stack(client, "dev")
        first, second = add(client, "first"), add(client, "second")

        assert 200 == client.post(f"{KEYS}/{first}/disable", json={"destID": second}).status_code
        migrate(server, clock)

        assert {"second": 1} == count_by_key(server)
        assert {"Stackhold": "enabled", "first": "disabled", "second": "default"} == states(client)
        assert 400 == client.post(f"{KEYS}/{first}/default").status_code
        assert 400 == client.post(f"{KEYS}/{first}/disable", json={"destID": second}).status_code


class TestDisable:
    def test_refuses_other_destinations(self, client: TestClient) -> None:
        """Data keys go to the default key, never to the key itself, to an unknown one, or away from the server's own."""
        first, second, third = (add(client, name) for name in ("first", "second", "third"))

        for key, destination in ((second, third), (second, second), (second, new_id()), ("service", first)):
            assert 400 == client.post(f"{KEYS}/{key}/disable", json={"destID": destination}).status_code, (key, destination)
        assert 404 == client.post(f"{KEYS}/{new_id()}/disable", json={"destID": first}).status_code
        assert 200 == client.post(f"{KEYS}/{second}/disable", json={"destID": first}).status_code

    def test_of_all_goes_back_to_the_servers_own(self, server: Backend, client: TestClient, clock: FrozenClock) -> None:
        """Afterwards the organization needs no key of its own, and a second call is refused; a later key is a first one again."""
        create_stack(client, "dev")
        add(client, "own")
        migrate(server, clock)

        assert 200 == client.post(f"{KEYS}/disable").status_code
        migrate(server, clock)

        assert {"": 1} == count_by_key(server)
        assert {"Stackhold": "default", "own": "disabled"} == states(client)
        assert 400 == client.post(f"{KEYS}/disable").status_code
        add(client, "later")
        assert "default" == states(client)["later"]
