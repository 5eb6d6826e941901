"""The installations that a hard day happens to: one on a laptop's parts, one on a cloud's. Each can be hurt and is mended again."""

import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

import pymysql

from tests.aws.moto_process import running_moto
from tests.hard_day.clock import Clock
from tests.hard_day.cloud_proxy import CloudProxy
from tests.hard_day.relay import Relay
from tests.hard_day.worker import ORG
from tests.mysql.proxy import relayed
from tools.mysql import PASSWORD, USER, Server, find_program, temporary_folder

PROGRAM = Path(sys.executable).with_name("stackhold")
TOKEN = "pul-" + "0123456789" * 4
_START_SECONDS = 120.0
_DISK_MEGABYTES = 256
# MySQL keeps what it acknowledged also when it is killed, which servers for tests do not need.
_DURABLE = ("--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=ON")


class ServerProcess:
    """`stackhold serve`, started again and again on one port."""

    def __init__(self, folder: Path, log: Path, settings: Mapping[str, str], clock: Clock) -> None:
        """Start nothing yet."""
        self.port = _free_port()
        self._log = log
        self._log.unlink(missing_ok=True)
        command = [str(PROGRAM), "serve", "--port", str(self.port)]
        self._command = command
        common = {"STACKHOLD_BOOTSTRAP_TOKEN": TOKEN, "STACKHOLD_BOOTSTRAP_ORG": ORG}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STACKHOLD_", "PULUMI_", "AWS_"))}
        self._environment = {**inherited, **common, **settings}
        self._clock = clock
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Start it, and return when it answers; raises TimeoutError."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:  # Something that it needs may be away for a while.
                self._launch()
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5):
                return
            time.sleep(0.05)
        self.kill()
        raise TimeoutError(f"the server does not answer\n{self.log[-3000:]}")

    def _launch(self) -> None:
        # Not into a file: what limits the server's files would limit its log as well.
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env={**self._environment, **self._clock.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._keep_log, args=(self._process,), daemon=True).start()

    def _keep_log(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        with self._log.open("ab", buffering=0) as log, process.stdout:
            for line in process.stdout:
                log.write(line)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def limit_files(self, limit_bytes: int | None) -> None:
        """Let no file grow over a size, or any file again."""
        if self._process is not None:
            limit_files(self._process.pid, limit_bytes)

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
        self.kill()


class Stand:
    """An installation with its servers, the relays in front of them, and its clock."""

    name = ""

    def __init__(self, seed: int, logs: Path | None = None) -> None:
        """Make what does not run; the servers' logs are kept in a folder, or not at all."""
        self.random = random.Random(seed)
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(temporary_folder()))
        self.logs = logs or self.folder
        self.clock = Clock(self.folder)
        self.servers: list[ServerProcess] = []
        self.relays: list[Relay] = []

    def __enter__(self) -> Self:
        try:
            self._open()
            for server in self.servers:
                self._stack.callback(server.stop)
                server.start()
                relay = Relay(server.port)
                self._stack.callback(relay.close)
                self.relays.append(relay)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def urls(self) -> list[str]:
        """The addresses that clients know."""
        return [relay.url for relay in self.relays]

    @contextmanager
    def other_clock(self) -> Iterator[bool]:
        """Start the servers on the clock that jumps, and at the end on the machine's; yield whether there is one."""
        if not self.clock.can_jump:
            yield False
            return
        for is_on in (True, False):
            self.clock.be_right()
            self.clock.is_on = is_on
            for server in self.servers:
                server.stop()
                server.start()
            if is_on:
                yield True

    def mend(self) -> None:
        """Take all faults away and wait until the installation serves."""
        for relay in self.relays:
            relay.be_calm()

    def verify(self) -> tuple[int, str]:
        """Return exit code and report of `stackhold verify` on the running installation."""
        raise NotImplementedError

    def _open(self) -> None:
        raise NotImplementedError

    def _verify(self, settings: Mapping[str, str]) -> tuple[int, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STACKHOLD_", "PULUMI_", "AWS_"))}
        command = [str(PROGRAM), "verify", "--all-versions"]
        ended = subprocess.run(
            command, env={**inherited, **settings}, capture_output=True, text=True, cwd=self.folder, timeout=600, check=False
        )
        return ended.returncode, ended.stdout + ended.stderr


class LaptopStand(Stand):
    """SQLite and a folder, on a disk of its own where that can be had."""

    name = "SQLite and a folder"

    def _open(self) -> None:
        self.has_disk = False
        self.disk = Path(self._stack.enter_context(_small_disk(self)))
        self.settings = {"STACKHOLD_DATA": str(self.disk / "data"), "STACKHOLD_BATCH_ROW_LIMIT_BYTES": "4096"}
        self.servers = [ServerProcess(self.folder, self.logs / "laptop.log", self.settings, self.clock)]

    @property
    def server(self) -> ServerProcess:
        """The only one."""
        return self.servers[0]

    @property
    def ballast(self) -> Path:
        """The file that fills the disk."""
        return self.disk / "ballast"

    def fill_disk(self) -> None:
        """Leave no room on the disk, or let no file grow where there is no disk of its own."""
        if not self.has_disk:
            self.server.limit_files(1 << 12)
            return
        with suppress(OSError), self.ballast.open("wb") as file:
            while True:
                file.write(bytes(1 << 16))

    def make_room(self) -> None:
        """Take the ballast away."""
        self.ballast.unlink(missing_ok=True)
        self.server.limit_files(None)

    def mend(self) -> None:
        """As above, with room on the disk."""
        self.make_room()
        super().mend()

    def verify(self) -> tuple[int, str]:
        """As above."""
        return self._verify(self.settings)


class CloudStand(Stand):
    """Two servers on MySQL, S3 and KMS; relays and a proxy stand between them."""

    name = "two servers on MySQL, S3 and KMS"

    def _open(self) -> None:
        moto = self._stack.enter_context(running_moto())
        self.cloud = CloudProxy(moto.url, self.random)
        self._stack.callback(self.cloud.close)
        self.database = Server(find_program(), self.folder, *_DURABLE)
        self._stack.callback(self.database.stop)
        self.database.start()
        self.wire = self._stack.enter_context(relayed(self.database.port))
        self.database_relay = Relay(self.wire.port)
        self._stack.callback(self.database_relay.close)
        with self.database.connect() as connection:
            connection.cursor().execute("CREATE DATABASE pulumi")
        store = moto.make_bucket("states").replace(moto.url, self.cloud.url)
        self.settings = {
            **moto.environment,
            "AWS_ENDPOINT_URL": self.cloud.url,
            "STACKHOLD_DATA": str(self.folder / "data"),
            "PULUMI_DATABASE_ENDPOINT": f"127.0.0.1:{self.database_relay.port}",
            "PULUMI_DATABASE_USER_NAME": USER,
            "PULUMI_DATABASE_USER_PASSWORD": PASSWORD,
            "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT": store,
            "PULUMI_KMS_KEY": moto.make_key(),
            "STACKHOLD_BATCH_ROW_LIMIT_BYTES": "4096",
        }
        self.servers = [
            ServerProcess(self.folder, self.logs / f"cloud-{number}.log", self.settings, self.clock) for number in range(2)
        ]

    def restart_database(self) -> None:
        """Start the database again if it does not run."""
        try:
            self.database.connect().close()
        except pymysql.MySQLError:
            self.database.kill()
            self.database.start()

    def mend(self) -> None:
        """As above, with the cloud's services too."""
        self.cloud.be_calm()
        self.database_relay.be_calm()
        limit_files(self.database.pid, None)
        self.restart_database()
        super().mend()

    def verify(self) -> tuple[int, str]:
        """As above."""
        return self._verify(self.settings)


def limit_files(pid: int, limit_bytes: int | None) -> None:
    """Let a process write no file beyond a size; None: as far as it likes."""
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY if limit_bytes is None else limit_bytes, -1))


@contextmanager
def _small_disk(stand: LaptopStand) -> Iterator[str]:
    """Yield a folder on a disk of its own, of some megabytes, if this user may mount one, and else any folder."""
    folder = tempfile.mkdtemp(dir=stand.folder, prefix="disk-")
    mount = shutil.which("mount")
    size = f"size={_DISK_MEGABYTES}m"
    if mount and os.geteuid() == 0:
        done = subprocess.run([mount, "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, check=False)
        stand.has_disk = done.returncode == 0
    try:
        yield folder
    finally:
        if stand.has_disk:
            subprocess.run(["umount", "-l", folder], check=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
