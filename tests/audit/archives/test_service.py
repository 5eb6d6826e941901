"""Who sets the hourly export of an audit log, what is refused, what is recorded, and that no secret comes out again."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from common.audit import service as audit
from common.audit.archives import service as exports
from common.audit.archives.model import Destination, Kind
from common.audit.events import Search
from common.backend import Backend
from common.core.errors import BadRequest, Forbidden, NotFound
from common.db.tables.audit import audit_exports
from common.rights.caller import Caller
from tests.factories.people import caller_of, make_user

ROLE = "arn:aws:iam::123456789012:role/audit"
S3 = Destination(Kind.S3, bucket="audit", access=ROLE)
STORE = Destination(Kind.S3_COMPATIBLE, "https://s3.example.com", bucket="audit", access="AKIDEXAMPLE")
AZURE = Destination(Kind.AZURE_BLOB, "https://acme.blob.core.windows.net/audit")


class TestUpdate:
    def test_is_recorded(self, backend: Backend, admin: Caller) -> None:
        """Setting and deleting are in the log, with the place and without the secret."""
        exports.update(backend, admin, "acme", STORE, "hush-hush", is_enabled=True)
        exports.delete(backend, admin, "acme")
        exports.delete(backend, admin, "acme")
        entries, _ = audit.page_entries(backend, admin, "acme", Search())

        assert ["Deleted the hourly export", "Set the hourly export to s3-compatible audit (on)"] == [
            entry.description for entry in entries
        ]

    def test_seals_the_secret(self, backend: Backend, admin: Caller) -> None:
        """The secret is in the database, encrypted, and is kept by a change that does not send it."""
        exports.update(backend, admin, "acme", AZURE, "?sv=1&sig=hush-hush", is_enabled=True)
        exports.update(backend, admin, "acme", Destination(Kind.AZURE_BLOB, AZURE.address, prefix="new"), is_enabled=True)
        with backend.db.connect() as connection:
            row = connection.execute(select(audit_exports)).one()

        assert b"hush" not in row.sealed_secret
        assert "hush" not in row.destination
        assert "new" == exports.get_export(backend, admin, "acme").destination.prefix

    @pytest.mark.parametrize(
        "other",
        [
            Destination(Kind.S3_COMPATIBLE, "https://elsewhere.example.com", bucket="audit", access="AKIDEXAMPLE"),
            Destination(Kind.S3_COMPATIBLE, "https://s3.example.com", bucket="audit", access="OTHER"),
            AZURE,
        ],
    )
    def test_sends_a_secret_nowhere_else(self, backend: Backend, admin: Caller, other: Destination) -> None:
        """A secret that was entered for one place is not used for another, nor to try another out."""
        exports.update(backend, admin, "acme", STORE, "hush-hush", is_enabled=True)

        with pytest.raises(BadRequest, match="a secret is needed"):
            exports.update(backend, admin, "acme", other, is_enabled=True)
        with pytest.raises(BadRequest, match="a secret is needed"):
            exports.try_destination(backend, admin, "acme", other)

    @pytest.mark.parametrize(
        ("destination", "secret"),
        [
            (Destination(Kind.S3, bucket="a", access=ROLE), ""),
            (Destination(Kind.S3, bucket="audit", access="audit"), ""),
            (Destination(Kind.S3, bucket="audit", access=ROLE, prefix="a//b"), ""),
            (Destination(Kind.S3, bucket="audit", access=ROLE, prefix="a/../b"), ""),
            (Destination(Kind.S3_COMPATIBLE, "http://s3.example.com", bucket="audit", access="x"), "y"),
            (Destination(Kind.S3_COMPATIBLE, "https://s3.example.com?x", bucket="audit", access="x"), "y"),
            (Destination(Kind.S3_COMPATIBLE, "https://s3.example.com", bucket="audit", access=""), "y"),
            (Destination(Kind.S3_COMPATIBLE, "https://s3.example.com", "a b", "audit", "", "x"), "y"),
            (Destination(Kind.AZURE_BLOB, "https://acme.blob.core.windows.net"), "sig=x"),
            (Destination(Kind.AZURE_BLOB, "https://user@acme.blob.core.windows.net/audit"), "sig=x"),
            (AZURE, "no signature"),
            (AZURE, "sig=x&y=ä"),
        ],
    )
    def test_refuses_what_cannot_be(self, backend: Backend, admin: Caller, destination: Destination, secret: str) -> None:
        """Names that no bucket has, roles that are none, addresses with a query or a user, a text that is no signature."""
        with pytest.raises(BadRequest):
            exports.update(backend, admin, "acme", destination, secret, is_enabled=True)
        with pytest.raises(NotFound):
            exports.get_export(backend, admin, "acme")

    def test_needs_a_place(self, backend: Backend, admin: Caller) -> None:
        """What was never set cannot be turned on."""
        with pytest.raises(BadRequest):
            exports.update(backend, admin, "acme", None, is_enabled=True)
        with pytest.raises(NotFound):
            exports.force(backend, admin, "acme", None)


class TestPermission:
    def test_is_that_of_exports(self, backend: Backend, admin: Caller) -> None:
        """A plain member is refused, and a stranger learns nothing."""
        bob = caller_of(backend, make_user(backend, "bob", org="acme"))
        mallory = caller_of(backend, make_user(backend, "mallory"))
        exports.update(backend, admin, "acme", S3, is_enabled=True)
        calls: tuple[Callable[[Caller], object], ...] = (
            lambda caller: exports.get_export(backend, caller, "acme"),
            lambda caller: exports.delete(backend, caller, "acme"),
            lambda caller: exports.update(backend, caller, "acme", S3, is_enabled=True),
            lambda caller: exports.try_destination(backend, caller, "acme", S3),
            lambda caller: exports.force(backend, caller, "acme", None),
        )
        for caller, error in ((bob, Forbidden), (mallory, NotFound)):
            for call in calls:
                with pytest.raises(error):
                    call(caller)


class TestForce:
    def test_refuses_the_future(self, backend: Backend, admin: Caller) -> None:
        """An hour that has not begun has no records."""
        exports.update(backend, admin, "acme", S3, is_enabled=False)

        with pytest.raises(BadRequest):
            exports.force(backend, admin, "acme", 4_000_000_000)
