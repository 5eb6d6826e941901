"""Starts a MySQL server of a test's own that accepts connections over TLS only."""

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pymysql

from tests.hosts.certificate import Certificate
from tests.mysql.shared import HOST
from tests.reporting import missing_tool
from tools.mysql import PASSWORD, USER, MySQLUnavailableError, Server, find_program, temporary_folder


@contextmanager
def running_tls_server(certificate: Certificate, *options: str) -> Iterator[Server]:
    """Yield a server with that certificate and more options of `mysqld`; skip the test where MySQL is not installed."""
    try:
        program = find_program()
    except MySQLUnavailableError as error:
        missing_tool(str(error))
    with temporary_folder() as folder:
        server = Server(program, folder)
        server.start(*tls_options(certificate), *options)
        execute(server, "SET GLOBAL require_secure_transport = ON")
        yield server
        server.stop()


def tls_options(certificate: Certificate) -> list[str]:
    """Return the options of `mysqld` for a certificate."""
    names = {"ca": certificate.certificate, "cert": certificate.certificate, "key": certificate.key}
    return [f"--ssl-{name}={path}" for name, path in names.items()]


def execute(server: Server, *statements: str) -> None:
    """Run statements as the user who may do anything."""
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    login = {"host": HOST, "port": server.port, "user": USER, "password": PASSWORD}
    with closing(pymysql.connect(**login, ssl=unverified)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
