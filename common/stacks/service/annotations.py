"""Use cases for annotations: JSON documents that clients keep with a stack, one for each kind and each source of it."""

from common.audit import steps as audit
from common.audit.steps import Event
from common.backend import Backend
from common.core.clock import unix_millis
from common.core.errors import BadRequest, Conflict, NotFound
from common.core.names import is_name
from common.db.retry import retry
from common.rights.caller import Caller
from common.rights.permissions import Permission
from common.stacks.model import Annotation, AnnotationName, StackPath
from common.stacks.repository import annotations
from common.stacks.steps import load_stack, lock

ANNOTATIONS_LIMIT = 100


def get_annotation(
    backend: Backend, caller: Caller, path: StackPath, name: AnnotationName, version: int | None = None
) -> Annotation:
    """Return an annotation. NotFound if the stack has none, or if it has another version than the one that is given."""
    with backend.db.connect() as connection:
        stack = load_stack(connection, caller, path, Permission.STACK_ANNOTATIONS_READ)
        annotation = annotations.find(connection, stack.id, name)
    if annotation is None or version not in (None, annotation.version):
        raise NotFound(f"Stack '{path}' has no annotation of kind {name.kind[:80]!a}")
    return annotation


def update_annotation(
    backend: Backend, caller: Caller, path: StackPath, name: AnnotationName, document: bytes, *, version: int | None = None
) -> int:
    """Store a document as an annotation of the stack, in place of the one before, and return its version.

    Conflict if `version` is given and the annotation has another one by now; version 0 stands for one that does not exist yet.
    """

    def change() -> int:
        with backend.db.begin() as tx:
            stack = lock(tx, load_stack(tx, caller, path, Permission.STACK_ANNOTATIONS_UPDATE))
            _require_valid(name)
            now_millis = unix_millis(backend.clock.now())
            old = annotations.find(tx, stack.id, name)
            current = old.version if old is not None else 0
            if version not in (None, current):
                raise Conflict(f"the annotation has version {current} and not {version}; read it again")
            new = Annotation(current + 1, document)
            if old is not None:
                annotations.replace(tx, stack.id, name, new, now_millis)
            elif annotations.count(tx, stack.id) < ANNOTATIONS_LIMIT:
                annotations.add(tx, stack.id, name, document, now_millis)
            else:
                raise BadRequest(f"a stack may have at most {ANNOTATIONS_LIMIT} annotations")
            description = f"Changed annotation {name.kind} of stack {path}"
            audit.record(tx, backend, caller, stack.org_id, Event.STACK_ANNOTATION_CHANGED, description=description)
            return new.version

    return retry(change)


def _require_valid(name: AnnotationName) -> None:
    if not is_name(name.kind):
        raise BadRequest("the kind of an annotation must be 1 to 100 letters, digits, '.', '_' or '-'")
    if name.source and not is_name(name.source):
        raise BadRequest("the source of an annotation must be 1 to 100 letters, digits, '.', '_' or '-'")
