"""Looks at the stored states of all stacks and says which of them cannot be read; changes nothing."""

from collections.abc import Iterator

from common.backend import Backend
from common.ports.blobs import BlobDamaged, BlobMissing
from common.stacks.engine import document
from common.stacks.engine.document import BadDocument
from common.stacks.repository import verify
from common.stacks.repository.verify import Kept

PAGE = 500


def find_damage(backend: Backend, *, newest_only: bool) -> Iterator[tuple[Kept, str]]:
    """Yield each version that is looked at with what is wrong with it, an empty text for nothing."""
    # No permission check: whoever runs the program on the installation's settings may read everything.
    after, seen = "", dict[str, str]()
    while True:
        with backend.db.connect() as connection:
            found = verify.page(connection, after, PAGE, newest_only=newest_only)
        for kept in found:
            yield kept, "; ".join(filter(None, (kept.damage, _problem(backend, kept.checkpoint, seen))))
        if len(found) < PAGE:
            return
        after = found[-1].update_id


def _problem(backend: Backend, key: str | None, seen: dict[str, str]) -> str:
    """Return what is wrong with a document; versions may share one, which is read once."""
    if key is None:
        return ""
    if key not in seen:
        try:
            document.check_container(backend.checkpoints.get(key))
            seen[key] = ""
        except (BlobMissing, BlobDamaged) as error:
            seen[key] = error.message.partition(": ")[2]
        except BadDocument as error:
            seen[key] = f"the stored document {key} is not a state: {error}"
    return seen[key]
