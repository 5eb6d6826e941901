"""Keys of the issuers: made on first use, replaced with an overlap, and never stored in plain text."""

from common.backend import Backend
from common.oidc_issuer import keys, model, tokens
from common.oidc_issuer.model import Issuer, SigningKey
from tests.clocks import FrozenClock

DAY_SECONDS = 86_400


def published(backend: Backend, issuer: Issuer = Issuer.LOGIN) -> list[str]:
    """Return the ids of the published keys."""
    return [key.kid for key in keys.list_published(backend, issuer)]


class TestKeys:
    def test_are_made_once(self, backend: Backend) -> None:
        """The first use makes a key, which then stays, and each issuer has its own."""
        first = published(backend)

        assert len(first) == 1
        assert published(backend) == first
        assert published(backend, Issuer.AUDIENCE) != first

    def test_are_published_before_they_sign(self, backend: Backend, clock: FrozenClock) -> None:
        """The next key is published on day 89 and signs a day later."""
        old = keys.current_key(backend, Issuer.LOGIN).kid
        clock.pass_seconds(89 * DAY_SECONDS)

        assert len(published(backend)) == 2
        assert keys.current_key(backend, Issuer.LOGIN).kid == old
        clock.pass_seconds(DAY_SECONDS)
        assert keys.current_key(backend, Issuer.LOGIN).kid == published(backend)[1] != old

    def test_stay_published_after_they_signed(self, backend: Backend, clock: FrozenClock) -> None:
        """The old key is published for two days after the last token that it signed, and is deleted then."""
        old = keys.current_key(backend, Issuer.LOGIN).kid
        clock.pass_seconds(89 * DAY_SECONDS)
        published(backend)

        clock.pass_seconds(3 * DAY_SECONDS - 1)
        assert old in published(backend)
        clock.pass_seconds(1)
        assert old not in published(backend)

    def test_outlive_a_long_pause(self, backend: Backend, clock: FrozenClock) -> None:
        """An installation that signed nothing for a year goes on with the key that relying parties know."""
        old = keys.current_key(backend, Issuer.LOGIN).kid
        clock.pass_seconds(365 * DAY_SECONDS)

        assert keys.current_key(backend, Issuer.LOGIN).kid == old
        assert len(published(backend)) == 2

    def test_outlive_another_setting_that_was_taken_back(self) -> None:
        """A key of KMS that was in the settings for a while does not sign again, nor end the key before when that is replaced."""
        names = [b"private", model.remote_key("alias/a", "arn"), b"private"]
        all_keys = [
            SigningKey(Issuer.LOGIN, number, f"k{number}", {}, name, int(day * DAY_SECONDS * 1000))
            for number, name, day in zip((1, 2, 3), names, (0, 0.5, 89), strict=True)
        ]
        signing = []
        for day in (89.5, 90.5, 92.5):
            now_millis = int(day * DAY_SECONDS * 1000)
            expired = model.list_expired(all_keys, "", now_millis)
            left = [key for key in all_keys if key not in expired]
            signing.append((model.current_key(left, "", now_millis).kid, len(left)))

        assert signing == [("k1", 3), ("k3", 3), ("k3", 1)]

    def test_are_encrypted(self, backend: Backend) -> None:
        """The stored private key is not DER, and opens with the key of the service."""
        key = keys.current_key(backend, Issuer.LOGIN)

        assert not key.private_key.startswith(b"\x30")
        assert keys.decrypt_private_key(backend, key).startswith(b"\x30")

    def test_sign_many_tokens(self, backend: Backend) -> None:
        """A second token is signed with the same key, and has an id of its own."""
        first = tokens.sign(backend, Issuer.LOGIN, {"sub": "a"}, 60)
        second = tokens.sign(backend, Issuer.LOGIN, {"sub": "a"}, 60)

        assert first.split(".")[0] == second.split(".")[0]
        assert first != second
