"""Reads the stored journal of an update, in the order of a replay, so that only a part of it is in memory at a time."""

from collections.abc import Sequence

from common.backend import Backend
from common.core.compression import BadGzip, OverLimit, inflate, is_packed
from common.stacks.engine.entry import Part, TooMuch
from common.stacks.updates.repository import finishing
from common.stacks.updates.repository.finishing import StoredBatch

_READ_AHEAD_BYTES = 4 << 20
_READ_AHEAD_BATCHES = 200


class DamagedBatch(ValueError):
    """A batch of a journal that is not what was stored; the message is for a person."""


class StoredJournal:
    """The journal of one update; rows are read many at a time, and dropped once a replay has taken them."""

    def __init__(self, backend: Backend, update_id: str, batches: Sequence[StoredBatch]) -> None:
        """Take the batches as they arrived."""
        self._backend = backend
        self._update_id = update_id
        self._batches = batches
        numbers = [number for number, batch in enumerate(batches) if batch.blob_key is None]
        self._rows = sorted(numbers, key=lambda number: (batches[number].first_sequence, number))
        self._places = {number: place for place, number in enumerate(self._rows)}
        self._bodies: dict[str, bytes] = {}

    def parts(self) -> list[Part]:
        """Return what a replay reads the batches with; TooMuch and DamagedBatch are raised when it does."""
        return [Part(batch.first_sequence, lambda number=number: self._text(number)) for number, batch in self._numbered()]  # type: ignore[misc]

    def _numbered(self) -> list[tuple[int, StoredBatch]]:
        return list(enumerate(self._batches))

    def _text(self, number: int) -> bytes:
        batch = self._batches[number]
        if batch.blob_key is not None:
            stored = self._backend.batches.get_stored(batch.blob_key)
        else:
            if batch.id not in self._bodies:
                self._read_ahead(self._places[number])
            stored = self._bodies.pop(batch.id, b"")
        name = batch.blob_key or f"{batch.id} of the database"
        # Batches from before there was a limit for each may be as large as a request.
        limit = self._backend.settings.body_limit_bytes
        try:
            text = inflate(stored, limit) if is_packed(stored) else stored
        except BadGzip as error:
            raise DamagedBatch(f"the stored batch {name} is damaged") from error
        except OverLimit as error:
            raise TooMuch(f"the stored batch {name} inflates to more than {limit:,} bytes") from error
        if not text.lstrip().startswith(b"{"):
            raise DamagedBatch(f"the stored batch {name} is damaged")
        return text

    def _read_ahead(self, place: int) -> None:
        size, wanted = 0, list[str]()
        for number in self._rows[place : place + _READ_AHEAD_BATCHES]:
            batch = self._batches[number]
            if wanted and size + batch.size_bytes > _READ_AHEAD_BYTES:
                break
            size += batch.size_bytes
            wanted.append(batch.id)
        with self._backend.db.connect() as connection:
            self._bodies = finishing.bodies_of(connection, self._update_id, wanted)
