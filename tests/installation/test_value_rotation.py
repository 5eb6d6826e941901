"""`stackhold keys rotate --values`: new data keys, and stored values encrypted again."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from common.backend import Backend
from common.crypto import repository
from common.crypto.envelope import Envelope
from common.crypto.model import WrappedKey
from common.db.tables.environments import environment_revisions
from common.db.tables.stacks import stacks, updates
from common.environments.renewal import renew_text as renew_definition
from common.installation.value_rotation import ValueRotation, rotate_values
from common.rights.caller import Caller
from common.stacks.state.renewal import renew_text
from tests.clocks import FrozenClock
from tests.factories.installations import Filled, fill, read_all, read_secrets
from tests.wire import begin, create_stack, export

S = "/api/stacks/acme/shop/dev"


def rotate(backend: Backend) -> ValueRotation:
    """Run a rotation without a pause at its end."""
    return rotate_values(backend, grace_seconds=0, show=len)


@pytest.fixture
def filled(backend: Backend, client: TestClient, admin: Caller) -> Filled:
    """An installation with secrets in states and revisions."""
    return fill(backend, client, admin)


def present_envelopes(backend: Backend) -> dict[str, Envelope]:
    """The present key of each stack and environment, which opens nothing else."""
    return {
        key.id: Envelope(backend.keys.unwrap(key.wrapped_key, key.context), key.id)
        for table in ("stacks", "environments")
        for key in _keys(backend, table)
    }


def _keys(backend: Backend, table: str) -> list[WrappedKey]:
    with backend.db.connect() as connection:
        return repository.page_wrapped_keys(connection, table, "", 100)


class TestRotateValues:
    def test_encrypts_states_and_revisions_again(
        self, backend: Backend, client: TestClient, admin: Caller, filled: Filled
    ) -> None:
        """Afterwards every stored secret opens with the present key alone; an old ciphertext in a user's file still opens."""
        before = read_all(backend, filled)
        result = rotate(backend)
        envelopes = present_envelopes(backend)
        with backend.db.connect() as connection:
            states = connection.execute(select(updates.c.stack_id, updates.c.checkpoint).where(updates.c.checkpoint != "")).all()
            revisions = connection.execute(
                select(environment_revisions.c.environment_id, environment_revisions.c.definition)
            ).all()
        after = read_all(backend, filled)

        assert result.problems == []
        assert result.values > 1
        assert all(renew_text(backend.checkpoints.get(key), envelopes[stack])[1] == 0 for stack, key in states)
        assert all(renew_definition(text, envelopes[environment])[1] == 0 for environment, text in revisions)
        assert {name for name in before if before[name] != after[name]} <= {name for name in before if name.startswith("acme/")}
        assert filled.ciphertext.encode() in before["acme/shop/dev 1"]
        assert filled.ciphertext.encode() not in after["acme/shop/dev 1"]
        secrets = read_secrets(backend, admin, filled)
        assert {"odd": "é 🦉", "pw": "hunter2"} == secrets["environment"]
        assert "plaintext" in str(secrets["stack"])
        assert client.get(S).status_code == 200

    def test_a_state_differs_in_ciphertexts_alone(self, backend: Backend, client: TestClient, filled: Filled) -> None:
        """Order, spelling of numbers and all other texts of a state stay; secrets that were equal in two versions still are."""
        before = [export(client, S, version) for version in (1, 2)]
        rotate(backend)
        after = [export(client, S, version) for version in (1, 2)]
        renewed = [text.partition(b'"ciphertext":"')[2].partition(b'"')[0] for text in after]

        assert renewed[0] == renewed[1]
        assert before == [text.replace(renewed[0], filled.ciphertext.encode()) for text in after]

    def test_runs_while_an_update_runs(self, backend: Backend, client: TestClient) -> None:
        """The update that runs keeps the state it began with, and ends well; the next rotation encrypts what it left."""
        stack = create_stack(client, "dev")
        secret = client.post(f"{stack}/encrypt", json={"plaintext": "eA=="}).json()["ciphertext"]
        update = begin(client, stack)
        result = rotate(backend)
        assert 200 == client.post(f"{stack}/decrypt", json={"ciphertext": secret}).status_code
        assert update.complete().status_code < 300

        assert [] == result.problems
        assert 200 == client.get(f"{stack}/export").status_code

    def test_is_continued_after_it_was_cut_off(self, backend: Backend, clock: FrozenClock, filled: Filled) -> None:
        """A run that ends in the middle leaves all readable, and the next one replaces only the keys that are left."""
        shown: list[str] = []

        def stop(text: str) -> None:
            shown.append(text)
            if len(shown) == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rotate_values(backend, grace_seconds=0, show=stop)
        assert read_all(backend, filled)
        clock.pass_seconds(5)
        rest = rotate(backend)
        clock.pass_seconds(5)
        again = rotate(backend)

        assert rest.keys == again.keys - 2
        assert (clock.now() - timedelta(seconds=10), None) == (rest.continued_from, again.continued_from)
        assert [] == rest.problems

    def test_leaves_out_what_cannot_be_read(self, backend: Backend, client: TestClient, filled: Filled) -> None:
        """A state that is missing is named; everything else is encrypted again, and secrets of its stack open as before."""
        with backend.db.connect() as connection:
            key = connection.scalar(
                select(updates.c.checkpoint)
                .join(stacks, stacks.c.id == updates.c.stack_id)
                .where(stacks.c.name == "prod", updates.c.checkpoint != "")
            )
        (backend.settings.local_objects / str(key)).unlink()
        result = rotate(backend)

        assert ["stack"] == [str(key).split()[0] for key, _ in result.problems]
        assert 200 == client.post(f"{S}/decrypt", json={"ciphertext": filled.ciphertext}).status_code

    def test_lets_old_states_be_swept(self, backend: Backend, filled: Filled) -> None:
        """The former blobs of the states are named by no version any more once the rotation has ended."""
        with backend.db.connect() as connection:
            before = set(connection.scalars(select(updates.c.checkpoint).where(updates.c.checkpoint != "")))
        rotate(backend)
        with backend.db.connect() as connection:
            named = set(connection.scalars(select(updates.c.base_checkpoint).where(updates.c.base_checkpoint != "")))
            present = set(connection.scalars(select(updates.c.checkpoint).where(updates.c.checkpoint != "")))

        assert filled.ciphertext
        assert before - present
        assert not named & (before - present)
