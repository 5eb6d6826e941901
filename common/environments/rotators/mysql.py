"""`fn::rotate::mysql`: the passwords of two users of a MySQL database, who take turns."""

from common.db import mysql_users
from common.db.user_passwords import Product
from common.environments.rotators.database_users import DatabaseUsers


class MySQLUsers(DatabaseUsers):
    """Users whose name is followed by `@'%'`."""

    def product(self) -> Product:
        """Return what speaks the protocol of MySQL."""
        return mysql_users
