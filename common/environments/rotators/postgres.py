"""`fn::rotate::postgres`: the passwords of two users of a PostgreSQL database, who take turns."""

from common.db.user_passwords import Product
from common.environments.language.interfaces import WorldError
from common.environments.rotators.database_users import DatabaseUsers


class PostgresUsers(DatabaseUsers):
    """Roles that may log in."""

    def product(self) -> Product:
        """Return what speaks the protocol of PostgreSQL; raises WorldError where its driver is not installed."""
        try:
            from common.db import postgres_users  # noqa: PLC0415 - an optional package
        except ModuleNotFoundError:
            raise WorldError(
                "the rotation of PostgreSQL users is not available on this server, which lacks the extra `postgres`;"
                " use fn::rotate::external with an adapter of your own"
            ) from None
        return postgres_users
