import json
import os
import re
import signal
import socket
import ssl
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from common.config.settings import Settings
from functions.server.http_protocol import HEAD_LIMIT_BYTES
from functions.server.mode import Mode, mode_of
from tests.server.server_process import SIGN_IN, Served, run

ORG = "acme"
BOOTSTRAP_TOKEN = "pul-" + "0123456789" * 4


def modes(folder: Path) -> set[tuple[bool, str]]:
    """Whether each thing below a folder is a folder, with its mode."""
    found = [folder, *folder.rglob("*")]
    return {(path.is_dir(), oct(stat.S_IMODE(path.stat().st_mode))) for path in found if path.exists()}


def raw(served: Served, sent: bytes) -> bytes:
    """What the server answers to bytes, up to the end of the connection."""
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A first start in an empty folder."""
    with Served(tmp_path_factory.mktemp("first")) as served:
        yield served


def token_of(served: Served) -> str:
    """The token that a first start printed."""
    printed = SIGN_IN.fullmatch("\n".join(served.printed))
    assert printed, served.printed
    return printed.group(1)


class TestFirstStart:
    def test_prints_exactly_one_line_to_paste(self, first: Served) -> None:
        """The only output is a command that signs in at the server's address."""
        printed = SIGN_IN.fullmatch("\n".join(first.printed))

        assert printed, first.printed
        assert first.url == printed.group(2)
        assert f"serving {printed.group(2)}, mode" in first.log

    def test_makes_an_administrator_whom_the_token_admits(self, first: Served) -> None:
        """The token that was printed is the administrator's."""
        status, body = first.call("/api/user", token=token_of(first))

        assert 200 == status
        assert "admin" == json.loads(body)["githubLogin"]

    def test_keeps_the_token_and_nothing_of_it_in_the_log(self, first: Served) -> None:
        """The data folder has the token, the log does not."""
        folder = first.out.parent

        assert token_of(first) == (folder / ".stackhold" / "admin-token").read_text().strip()
        assert token_of(first)[4:] not in first.log

    def test_makes_everything_private(self, first: Served) -> None:
        """The data folder and all in it belong to the operator alone, also while the server runs."""
        assert {(True, "0o700"), (False, "0o600")} == modes(first.out.parent / ".stackhold")

    def test_makes_a_random_key(self, first: Served) -> None:
        """The local key is 32 bytes."""
        assert 32 == len((first.out.parent / ".stackhold" / "keys" / "master.key").read_bytes())

    def test_keeps_the_folder_out_of_version_control(self, first: Served) -> None:
        """A data folder inside a checkout is ignored by git."""
        assert "*\n" == (first.out.parent / ".stackhold" / ".gitignore").read_text()


class TestRequests:
    def test_have_long_paths_answered_as_any_other(self, first: Served) -> None:
        """A path of 12,000 characters gets the wire's 404, not a dropped connection."""
        status, body = first.call("/api/stacks/acme/" + "x" * 12_000 + "/s", token=token_of(first))

        assert 400 <= status < 500
        assert status == json.loads(body)["code"]

    @pytest.mark.parametrize("sent", [b"rubbish\r\n\r\n", b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"])
    def test_that_are_not_http_are_refused_in_the_wires_shape(self, first: Served, sent: bytes) -> None:
        """What cannot be parsed is a 400 with a JSON body."""
        head, _, body = raw(first, sent).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 400 ")
        assert 400 == json.loads(body)["code"]

    def test_whose_head_never_ends_are_refused(self, first: Served) -> None:
        """A header is not collected without limit."""
        head, _, body = raw(first, b"GET / HTTP/1.1\r\nx: " + b"a" * HEAD_LIMIT_BYTES).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 431 ")
        assert 431 == json.loads(body)["code"]

    def test_leave_no_line_in_the_log(self, first: Served) -> None:
        """There is no access log."""
        before = first.log
        first.call("/api/user", token=token_of(first))

        assert before == first.log

    def test_are_logged_as_lines_of_one_form(self, first: Served) -> None:
        """Every line of the log has time, level, source and message."""
        form = re.compile(r'at=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=[a-z]+ from=[\w.]+ msg=".*"( trace=".*")?')

        assert [] == [line for line in first.log.splitlines() if not form.fullmatch(line)]


class TestLaterStart:
    def test_names_the_file_and_prints_no_token(self, tmp_path: Path) -> None:
        """The token is shown once; later starts say where it is. It stays good, and Ctrl-C is a clean end too."""
        with Served(tmp_path) as served:
            token = token_of(served)
            served.stop(signal.SIGINT)
        assert 0 == served.exit_code
        with Served(tmp_path) as served:
            assert 1 == len(served.printed)
            assert "admin-token" in served.printed[0]
            assert token not in served.printed[0]
            assert 200 == served.call("/api/user", token=token)[0]


class TestUnattendedStart:
    def test_takes_the_token_and_the_organization_it_is_given(self, tmp_path: Path) -> None:
        """With a token and an organization in the environment nothing is printed and nothing kept."""
        settings = {"STACKHOLD_BOOTSTRAP_TOKEN": BOOTSTRAP_TOKEN, "STACKHOLD_BOOTSTRAP_ORG": ORG}
        with Served(tmp_path, "--data", "place", **settings) as served:
            organizations = json.loads(served.call("/api/user", token=BOOTSTRAP_TOKEN)[1])["organizations"]

        assert [] == served.printed
        assert {"admin", ORG} == {organization["githubLogin"] for organization in organizations}
        assert not (tmp_path / "place" / "admin-token").exists()
        assert BOOTSTRAP_TOKEN not in served.log

    def test_does_not_bring_back_a_token_that_was_revoked(self, tmp_path: Path) -> None:
        """The administrator revokes the first token; after a restart with the same environment it still opens nothing."""
        settings = {"STACKHOLD_BOOTSTRAP_TOKEN": BOOTSTRAP_TOKEN, "STACKHOLD_BOOTSTRAP_ORG": ORG}
        with Served(tmp_path, **settings) as served:
            body = json.dumps({"description": "mine", "expires": 0}).encode()
            mine = json.loads(served.call("/api/user/tokens", token=BOOTSTRAP_TOKEN, body=body)[1])["tokenValue"]
            listed = json.loads(served.call("/api/user/tokens", token=mine)[1])["tokens"]
            first = next(token["id"] for token in listed if token["name"] == "bootstrap")
            assert 204 == served.call(f"/api/user/tokens/{first}", token=mine, method="DELETE")[0]
        for _ in range(2):
            with Served(tmp_path, **settings) as served:
                assert [401, 200] == [served.call("/api/user", token=token)[0] for token in (BOOTSTRAP_TOKEN, mine)]
            assert 1 == served.log.count("STACKHOLD_BOOTSTRAP_TOKEN is a token that was revoked or has expired")


class TestProxy:
    def test_that_is_not_named_is_warned_of(self, tmp_path: Path) -> None:
        """With a public domain and no certificate, a balancer that is not named makes everyone one address: one warning."""
        public = {"PULUMI_API_DOMAIN": "api.example.com"}
        with Served(tmp_path, **public) as served:
            assert 1 == served.log.count("STACKHOLD_TRUSTED_PROXIES is not set")
        doctor = run(tmp_path, "doctor", **public).stdout
        with Served(tmp_path, **public, STACKHOLD_TRUSTED_PROXIES="10.0.0.0") as named:
            assert "STACKHOLD_TRUSTED_PROXIES" not in named.log

        assert "STACKHOLD_TRUSTED_PROXIES is not set" in doctor
        assert "STACKHOLD_TRUSTED_PROXIES is not set" not in run(tmp_path, "doctor").stdout


class TestEnd:
    def test_waits_for_requests_that_run(self, tmp_path: Path) -> None:
        """A request whose body is still on its way when SIGTERM comes is answered; then the exit code is 0."""
        with Served(tmp_path) as served:
            address, token = urlsplit(served.url), token_of(served)
            head = f"POST /api/stacks/admin/web HTTP/1.1\r\nhost: a\r\nauthorization: token {token}\r\ncontent-length: 19\r\n"
            with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
                connection.sendall(head.encode() + b"expect: 100-continue\r\n\r\n")
                assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # The handler reads the body now.
                connection.sendall(b'{"stackName')
                served.process.send_signal(signal.SIGTERM)
                wait_until_refused(served)
                connection.sendall(b'":"dev"}')
                reply = b"".join(iter(lambda: connection.recv(65536), b""))
            served.exit_code = served.process.wait(30)

        assert 0 == served.exit_code
        assert reply.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in reply
        assert "Traceback" not in served.log


def wait_until_refused(served: Served) -> None:
    """Wait until the server takes no new connections."""
    address = urlsplit(served.url)
    for _ in range(10_000):
        try:
            socket.create_connection((address.hostname, address.port), timeout=30).close()
        except (ConnectionRefusedError, ConnectionResetError):  # reset: the listener closed with this connection in its queue
            return
    raise AssertionError("the server goes on accepting")


class TestWorkers:
    def test_share_the_address_and_the_work(self, tmp_path: Path) -> None:
        """Two processes answer at one address, a dead one is replaced, and all end with the first."""
        with Served(tmp_path, "--workers", "2") as served:
            token = token_of(served)
            assert {200} == {served.call("/api/user", token=token)[0] for _ in range(20)}
            before = children(served.process.pid)
            os.kill(min(before), signal.SIGKILL)
            served.await_log("starting another one")
            assert {200} == {served.call("/api/user", token=token)[0] for _ in range(20)}
            after = children(served.process.pid)

        assert 2 == len(before) == len(after)
        assert 1 == len(before & after)
        assert 0 == served.exit_code
        assert [] == [pid for pid in before | after if Path(f"/proc/{pid}").exists()]

    def test_end_when_the_process_that_watches_them_is_killed(self, tmp_path: Path) -> None:
        """No worker is left behind to hold the port."""
        with Served(tmp_path, "--workers", "2") as served:
            served.call("/api/user", token=token_of(served))
            served.stop(signal.SIGKILL)

            wait_until_refused(served)


def children(pid: int) -> set[int]:
    """The processes that a process started."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


class TestTls:
    def test_comes_from_values_and_has_a_lowest_version(self, tmp_path: Path) -> None:
        """Certificate and key may be PEM texts; the line to paste says https, and older TLS than configured is refused."""
        certificate, key = self_signed()
        settings = {"API_TLS_CERTIFICATE": certificate, "API_TLS_PRIVATE_KEY": key, "API_MIN_TLS_VERSION": "1.3"}
        trusting = ssl.create_default_context(cadata=certificate)
        with Served(tmp_path, **settings) as served:
            assert served.url.startswith("https://127.0.0.1:")
            assert 200 == served.call("/api/user", token=token_of(served), context=trusting)[0]
            trusting.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises(URLError, match="SSL"):
                served.call("/api/user", context=trusting)

        assert key.splitlines()[1] not in served.log


def self_signed() -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key, as PEM texts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api.example.com")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), private.decode()


class TestModes:
    def test_jobs_serve_nobody(self, tmp_path: Path) -> None:
        """In JOBS mode there is no address and no token; the signal ends the process cleanly."""
        with Served(tmp_path, PULUMI_API_CONTAINER_MODE="JOBS") as served:
            pass

        assert "" == served.url
        assert [] == served.printed
        assert 0 == served.exit_code
        assert not (tmp_path / ".stackhold" / "admin-token").exists()

    @pytest.mark.parametrize(
        ("given", "mode"),
        [("", Mode.FULL), ("API", Mode.API), ("jobs", Mode.JOBS), ("FULL", Mode.FULL), ("something", Mode.FULL)],
    )
    def test_unknown_values_mean_full(self, given: str, mode: Mode) -> None:
        """A value that is not known counts as FULL."""
        assert mode is mode_of(Settings({"PULUMI_API_CONTAINER_MODE": given}))
