"""What `stackhold doctor` warns of, and its report as JSON."""

import json
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from common.backend import Backend
from common.config.settings import Settings
from common.db import health
from common.installation.warnings import expiring_certificate, response_times, skewed_clock, unusable_mail_server
from tests.hosts.certificate import Certificate
from tests.server.server_process import run


class TestExpiringCertificate:
    @pytest.fixture
    def settings(self, certificate: Certificate) -> Settings:
        """A server with a certificate of its own."""
        return Settings({"API_TLS_CERTIFICATE": str(certificate.certificate), "API_TLS_PRIVATE_KEY": str(certificate.key)})

    def test_is_named_when_it_is_late(self, settings: Settings) -> None:
        """A certificate with weeks left is fine; one that expires soon, or has expired, is named with the date."""
        end = datetime.now(UTC) + timedelta(days=36_500)

        assert "" == expiring_certificate(settings, datetime(2000, 1, 1, tzinfo=UTC))
        assert "the certificate expired on" in expiring_certificate(settings, end)

    def test_is_no_matter_without_tls(self) -> None:
        """A server without a certificate has none that expires."""
        assert "" == expiring_certificate(Settings({}), datetime.now(UTC))


class TestUnusableMailServer:
    def test_is_named(self) -> None:
        """A mail server that refuses connections is named before the first mail is lost; without one there is nothing to say."""
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = Settings({"SMTP_SERVER": f"127.0.0.1:{port}", "SMTP_GENERIC_SENDER": "pulumi@example.com"})

        assert "127.0.0.1 cannot be used: connection refused; check the SMTP_ settings" in unusable_mail_server(settings)
        assert "" == unusable_mail_server(Settings({}))


class TestSkewedClock:
    @pytest.mark.parametrize(("skew", "word"), [(61.0, "61 seconds ahead of"), (-120.0, "120 seconds behind")])
    def test_is_named(self, skew: float, word: str) -> None:
        """A clock that differs by more than half a minute is named, with the direction."""
        assert word in skewed_clock(skew)
        assert "" == skewed_clock(skew / 100)

    def test_is_measured(self, backend: Backend) -> None:
        """The database of this machine has this machine's time."""
        assert abs(health.clock_skew_seconds(backend.db)) < 5


class TestResponseTimes:
    @pytest.mark.dialects("sqlite")
    def test_are_of_the_database_and_each_store(self, backend: Backend) -> None:
        """Each is called once, and a store that several purposes share is named once."""
        lines = list(response_times(backend.settings, backend.db))

        assert ["database", "folder"] == [line.split()[0] for line in lines]
        assert all(" ms" in line for line in lines)


def test_the_report_is_json_on_demand(tmp_path: Path) -> None:
    """Programs get the same facts, without secrets, and the exit code says whether the server could start."""
    ended = run(tmp_path, "doctor", "--json", STACKHOLD_BOOTSTRAP_TOKEN="pul-" + "0123456789" * 4)
    report = json.loads(ended.stdout)

    assert 0 == ended.returncode
    assert (True, []) == (report["isWell"], report["problems"])
    assert "(set, not shown)" == report["settings"]["STACKHOLD_BOOTSTRAP_TOKEN"]
    assert {"database", "key", "states"} <= set(report["inUse"])
