"""The rotators make secrets of the form that is asked for, and never touch the current one."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from common.backend import Backend
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import WorldError
from common.environments.language.values.json_text import decode_json
from common.environments.providers.base import Access
from common.environments.providers.table import Providers
from common.environments.providers.values import from_json
from common.rights.caller import Caller
from tests.aws.fixtures import moto, moto_process
from tests.aws.moto_process import Moto
from tests.environments.providers.opening import AWS_LOGIN, CONTEXT, SECRET, StandIn, claims_of, revealed, routed, shown
from tests.peers.http_peer import PeerReply, PeerRequest

__all__ = ["moto", "moto_process"]
APP = "/v1.0/applications(appId='app-1')"


def members(content: Mapping[str, Any]) -> dict[str, EscValue]:
    """Return an object as a rotator takes it."""
    value = from_json(decode_json(json.dumps(content))).value
    assert isinstance(value, dict)
    return value


def rotated(backend: Backend, caller: Caller, name: str, inputs: Mapping[str, Any], state: EscValue | None = None) -> EscValue:
    """Return the new state of a rotator."""
    before = state.value if state is not None else None
    assert before is None or isinstance(before, dict)
    return Providers(Access(backend, caller, "acme")).load_rotator(name).rotate(members(inputs), before, CONTEXT)


class TestPassword:
    def test_has_the_characters_that_are_asked_for(self, backend: Backend, admin: Caller) -> None:
        """Counts are minimums, and kinds that are turned off do not occur."""
        inputs = {"length": 12, "minUpper": 3, "minSpecial": 4, "numeric": False, "overrideSpecial": "-"}
        password = revealed(rotated(backend, admin, "password", inputs))["current"]

        assert len(password) == 12
        assert sum(letter.isupper() for letter in password) >= 3
        assert password.count("-") >= 4
        assert not any(letter.isdigit() for letter in password)

    def test_is_a_new_secret_each_time(self, backend: Backend, admin: Caller) -> None:
        """The current password becomes the previous one."""
        first = rotated(backend, admin, "password", {})
        second = rotated(backend, admin, "password", {}, first)

        assert shown(second) == {"current": "[secret]", "previous": "[secret]"}
        assert revealed(second)["previous"] == revealed(first)["current"] != revealed(second)["current"]

    @pytest.mark.parametrize(
        ("inputs", "message"),
        [
            ({"minLower": 20}, "larger than the length"),
            ({"numeric": False, "minNumeric": 1}, "turned off"),
            ({"lower": False, "upper": False, "numeric": False, "special": False}, "at least one of"),
            ({"length": 8.5}, "length must be a whole number"),
            ({"length": 1e300}, "length must be a whole number"),
        ],
    )
    def test_refuses_contradictions(self, backend: Backend, admin: Caller, inputs: dict[str, Any], message: str) -> None:
        """Inputs that no password meets are an error."""
        with pytest.raises(WorldError, match=message):
            rotated(backend, admin, "password", inputs)


class TestPassphrase:
    def test_has_words(self, backend: Backend, admin: Caller) -> None:
        """Number, separator and capitals are those of the inputs."""
        inputs = {"length": 4, "separator": "%", "capitalize": True}
        words = revealed(rotated(backend, admin, "passphrase", inputs))["current"].split("%")

        assert (len(words), all(word.istitle() and len(word) == 6 for word in words)) == (4, True)


class TestExternal:
    def test_tells_the_current_state(self, backend: Backend, admin: Caller) -> None:
        """The service gets the request and the current secret, and its answer is the new one."""
        bodies: list[Any] = []

        def answer(asked: PeerRequest) -> PeerReply:
            bodies.append(json.loads(asked.body))
            assert claims_of(backend, asked.headers["Authorization"].removeprefix("Bearer "))["body_hash"]
            return PeerReply({"password": f"p{len(bodies)}"})

        inputs = {"url": "https://adapter.example.com/r", "request": {"name": "shop"}}
        with StandIn({("POST", "/r"): answer}) as adapter:
            backend = routed(backend, {"adapter.example.com": adapter.url})
            first = rotated(backend, admin, "external", inputs)
            second = rotated(backend, admin, "external", inputs, first)

        assert bodies == [{"request": {"name": "shop"}, "state": state} for state in (None, {"password": "p1"})]
        assert (shown(second), revealed(second)) == ({"current": "[secret]"}, {"current": {"password": "p2"}})


# One AWS serves the tests of both databases.
@pytest.mark.dialects("sqlite")
class TestAwsIam:
    def test_never_deletes_the_current_key(self, backend: Backend, admin: Caller, moto: Moto) -> None:
        """The user always has the current key and the one before, also after a rotation whose result was lost."""
        iam = moto.client("iam")
        iam.create_user(UserName="deploy", Path="/ci/")
        inputs = {"login": AWS_LOGIN, "userArn": "arn:aws:iam::123456789012:user/ci/deploy"}
        backend = routed(backend, {"iam.amazonaws.com": moto.url})
        first = rotated(backend, admin, "aws-iam", inputs)
        second = rotated(backend, admin, "aws-iam", inputs, first)
        # Its result is not saved: the next rotation begins with the second state again.
        rotated(backend, admin, "aws-iam", inputs, second)
        fourth = rotated(backend, admin, "aws-iam", inputs, second)

        keys = [key["AccessKeyId"] for key in iam.list_access_keys(UserName="deploy")["AccessKeyMetadata"]]
        state = revealed(fourth)
        assert sorted(keys) == sorted([state["current"]["accessKeyId"], state["previous"]["accessKeyId"]])
        assert state["previous"]["accessKeyId"] == revealed(second)["current"]["accessKeyId"]
        assert shown(fourth)["current"]["secretAccessKey"] == "[secret]"
        assert state["current"]["createdAt"]

    def test_does_not_guess_which_key_is_in_use(self, backend: Backend, admin: Caller, moto: Moto) -> None:
        """Two keys that no rotation made are named, and both stay."""
        iam = moto.client("iam")
        iam.create_user(UserName="build")
        keys = [iam.create_access_key(UserName="build")["AccessKey"]["AccessKeyId"] for _ in range(2)]
        inputs = {"login": AWS_LOGIN, "userArn": "arn:aws:iam::123456789012:user/build"}
        with pytest.raises(WorldError, match=" and ") as error:
            rotated(routed(backend, {"iam.amazonaws.com": moto.url}), admin, "aws-iam", inputs)

        assert all(key in str(error.value) for key in keys)
        assert keys == [key["AccessKeyId"] for key in iam.list_access_keys(UserName="build")["AccessKeyMetadata"]]

    def test_keeps_the_key_that_signs(self, backend: Backend, admin: Caller, moto: Moto) -> None:
        """A user who rotates their own key, and is at its limit, keeps the key that the rotation uses."""
        iam = moto.client("iam")
        iam.create_user(UserName="self")
        login, current = [iam.create_access_key(UserName="self")["AccessKey"]["AccessKeyId"] for _ in range(2)]
        inputs = {"login": {**AWS_LOGIN, "accessKeyId": login}, "userArn": "arn:aws:iam::123456789012:user/self"}
        state = from_json({"current": {"accessKeyId": current, "secretAccessKey": SECRET}})
        with pytest.raises(WorldError, match=f"signs with the access key {login}"):
            rotated(routed(backend, {"iam.amazonaws.com": moto.url}), admin, "aws-iam", inputs, state)

        assert len(iam.list_access_keys(UserName="self")["AccessKeyMetadata"]) == 2

    @pytest.mark.parametrize("arn", ["arn:aws:iam::123456789012:role/x", "arn:aws-iso:iam::123456789012:user/x"])
    def test_needs_a_user(self, backend: Backend, admin: Caller, arn: str) -> None:
        """Another ARN is refused before anything is sent."""
        with pytest.raises(WorldError, match="userArn must be the ARN of a user"):
            rotated(backend, admin, "aws-iam", {"login": AWS_LOGIN, "userArn": arn})


class TestAzureAppSecret:
    def test_removes_the_previous_secret(self, backend: Backend, admin: Caller) -> None:
        """A new secret is added, the current one stays, and the one before is removed."""
        calls: list[tuple[str, Any]] = []

        def graph(asked: PeerRequest) -> PeerReply:
            calls.append((asked.path.rpartition("/")[2], json.loads(asked.body)))
            if asked.path.endswith("removePassword"):
                return PeerReply(b"", 204)
            times = {"startDateTime": "2026-01-02T03:04:05Z", "endDateTime": "2026-07-01T03:04:05Z"}
            return PeerReply({"keyId": f"k{len(calls)}", "secretText": SECRET, **times})

        served = {("POST", "/t/oauth2/v2.0/token"): lambda _: PeerReply({"access_token": "a"})}
        served |= {("POST", f"{APP}/{call}"): graph for call in ("addPassword", "removePassword")}
        inputs = {"login": {"clientId": "c", "tenantId": "t", "clientSecret": SECRET}, "clientId": "app-1"}
        with StandIn(served) as azure:
            backend = routed(backend, dict.fromkeys(("login.microsoftonline.com", "graph.microsoft.com"), azure.url))
            state = None
            for _ in range(3):
                state = rotated(backend, admin, "azure-app-secret", inputs, state)

        assert [call for call, _ in calls] == ["addPassword", "addPassword", "removePassword", "addPassword"]
        assert calls[2][1] == {"keyId": "k1"}
        assert calls[0][1]["passwordCredential"]["endDateTime"] == "2026-07-01T03:04:05Z"
        assert state is not None
        assert shown(state)["current"]["secretValue"] == "[secret]"
        assert shown(state)["current"]["secretId"] == "k4"


class TestUnavailable:
    def test_says_so(self, backend: Backend, admin: Caller) -> None:
        """A rotator that this server does not have is listed, and says so when it is used."""
        with pytest.raises(WorldError, match="not available on this server"):
            rotated(backend, admin, "snowflake-user", {})
