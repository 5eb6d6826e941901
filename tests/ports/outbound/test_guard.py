"""Which hosts may be called."""

import socket
from typing import Any

import pytest

from common.core.errors import StartUpError
from common.ports.outbound import CallFailed
from common.ports.outbound.guard import Guard


def resolving(monkeypatch: pytest.MonkeyPatch, **hosts: list[str]) -> None:
    """Make names resolve to addresses, and everything else to none."""

    def find(host: str, port: int, **_: Any) -> list[Any]:
        try:
            found = hosts[host.replace(".", "_").replace("-", "_")]
        except KeyError as error:
            raise socket.gaierror from error
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", find)


class TestRequireUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "http://login.example.com/x",
            "ftp://login.example.com",
            "file:///etc/passwd",
            "//login.example.com",
            "login.example.com",
            "https://",
            "https://alice:hush@login.example.com/",
            "gopher://127.0.0.1",
            "http://127.0.0.1:8080/",
            "",
        ],
    )
    def test_refuses_what_is_not_https(self, url: str) -> None:
        """Plain HTTP, other schemes, no host, and a user in the address are refused; the user's password is not repeated."""
        with pytest.raises(CallFailed) as refused:
            Guard([]).require_url(url)

        assert "hush" not in str(refused.value)

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:9797/x", "http://idp.internal/x", "http://IDP.internal./x", "https://a.example.com"]
    )
    def test_lets_pass_what_is_listed(self, url: str) -> None:
        """Hosts on the list may be called without TLS, whatever the case of their names."""
        Guard(["127.0.0.0/8", "idp.internal"]).require_url(url)


class TestResolve:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "192.0.2.1",
            "255.255.255.255",
        ],
    )
    def test_refuses_what_is_not_public(self, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        """Loopback, private, link-local, reserved and multicast addresses are refused, in their IPv6 clothes too."""
        resolving(monkeypatch, login_example_com=[address])
        with pytest.raises(CallFailed, match="not a public address"):
            Guard([]).resolve("login.example.com", 443)

    def test_refuses_a_name_with_one_bad_address(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name that leads to a public and a private address is refused as a whole."""
        resolving(monkeypatch, login_example_com=["93.184.216.34", "10.0.0.1"])
        with pytest.raises(CallFailed):
            Guard([]).resolve("login.example.com", 443)

    def test_returns_public_and_listed_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What may be called is returned, to be connected to without asking the name again."""
        resolving(monkeypatch, login_example_com=["93.184.216.34"], idp_internal=["10.0.0.7"])

        assert ["93.184.216.34"] == Guard([]).resolve("login.example.com", 443)
        assert ["10.0.0.7"] == Guard(["10.0.0.0/24"]).resolve("idp.internal", 443)
        assert ["10.0.0.7"] == Guard(["idp.internal"]).resolve("idp.internal", 443)
        with pytest.raises(CallFailed):
            Guard(["10.0.1.0/24", "other.internal"]).resolve("idp.internal", 443)

    def test_says_when_there_is_no_such_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An unknown name is told from a refused one."""
        resolving(monkeypatch)
        with pytest.raises(CallFailed, match="no such host"):
            Guard([]).resolve("nowhere.example.com", 443)


class TestList:
    @pytest.mark.parametrize(
        "entry",
        [
            "10.0.0.0/33",
            "http://idp.internal",
            "idp.internal:8080",
            "::zz",
            "???",
            "*.example.com",
            "10.0.0.256",
            "a b",
            "-x",
            ".",
        ],
    )
    def test_refuses_a_bad_entry(self, entry: str) -> None:
        """An entry that is no host, address or network stops the start."""
        with pytest.raises(StartUpError, match="STACKHOLD_OUTBOUND_ALLOW: entry 2 is not a host such as"):
            Guard(["idp.internal", entry])

    @pytest.mark.parametrize(
        "entry", ["idp", "idp.internal.", "a_b.example.com", "xn--bcher-kva.example", "10.0.0.7", "fd00::/8"]
    )
    def test_takes_hosts_addresses_and_networks(self, entry: str) -> None:
        """A name with or without dots, an address and a network are entries."""
        Guard([entry])


class TestMetadata:
    @pytest.mark.parametrize(
        "address",
        [
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ],
    )
    @pytest.mark.parametrize("allowed", [["0.0.0.0/0", "::/0"], ["metadata.internal"]])
    def test_is_never_called(self, monkeypatch: pytest.MonkeyPatch, address: str, allowed: list[str]) -> None:
        """No network and no name on the list lets a call reach a cloud's metadata service, with the machine's credentials."""
        resolving(monkeypatch, metadata_internal=[address])

        with pytest.raises(CallFailed, match="metadata service"):
            Guard(allowed).resolve("metadata.internal", 443)
