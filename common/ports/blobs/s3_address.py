"""Reads an S3 address, `s3://bucket[/prefix]?option=value`, in both spellings that the Go CDK has had for its options.

The product whose place this program takes hands such addresses to the Go CDK, whose option names changed with the SDK
beneath it. What is not understood is refused by name: an option that is ignored puts states elsewhere.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, urlsplit

from common.core.errors import StartUpError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_TRUE, _FALSE = {"1", "t", "T", "true", "TRUE", "True"}, {"0", "f", "F", "false", "FALSE", "False"}


class Checksums(StrEnum):
    """Which integrity header goes with an upload; the names are those of the SDKs' setting."""

    WHEN_REQUIRED = "when_required"
    WHEN_SUPPORTED = "when_supported"


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket or a prefix in one, and how to get there; empty means what the SDK does without."""

    bucket: str
    prefix: str = ""
    region: str = ""
    endpoint: str = ""
    profile: str = ""
    is_anonymous: bool = False
    has_tls: bool = True
    path_style: bool | None = None
    dualstack: bool = False
    fips: bool = False
    accelerate: bool = False
    checksums: Checksums = Checksums.WHEN_REQUIRED
    encryption: str = ""
    encryption_key: str = ""

    def __str__(self) -> str:
        """Say in words for an operator what is in force."""
        named = {"region": self.region, "endpoint": self.endpoint, "profile": self.profile, "encryption": self.encryption}
        flags = {
            "path style": self.path_style is True,
            "virtual host style": self.path_style is False,
            "no TLS": not self.has_tls,
            "anonymous": self.is_anonymous,
            "dualstack": self.dualstack,
            "FIPS": self.fips,
            "accelerated": self.accelerate,
        }
        words = [f"{name} {value}" for name, value in named.items() if value] + [name for name, value in flags.items() if value]
        return ", ".join((f"s3://{self.bucket}/{self.prefix}", *words, f"checksums {self.checksums}"))


def parse(address: str, setting: str, *, default_region: str = "") -> Place:
    """Return the place that a setting's value names; raises StartUpError with the setting and the option, never with values."""
    parts = _split(address, setting)
    options: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        field = _FIELDS.get(name)
        if field is None:
            raise StartUpError(f"{setting}: unknown option {name[:40]!a}; docs/object-stores.md lists those of s3:// addresses")
        if options.setdefault(field, value) != value:
            raise StartUpError(f"{setting}: option {name} contradicts another option with the same meaning")
    read = _Options(setting, options)
    tls = not read.flag("disableSSL", default=False)
    endpoint = _endpoint(options.get("endpoint", ""), has_tls=tls, setting=setting)
    style = read.flag("s3ForcePathStyle") if "s3ForcePathStyle" in options else None
    return Place(
        bucket=parts.netloc,
        prefix=_prefix(parts.path, options.get("prefix", "")),
        region=options.get("region") or default_region,
        endpoint=endpoint,
        profile=options.get("profile", ""),
        is_anonymous=read.flag("anonymous", default=False),
        has_tls=tls if not endpoint else endpoint.startswith("https://"),
        # A host that must stay as it is cannot have the bucket's name put in front.
        path_style=style if style is not None else True if endpoint and read.flag("hostname_immutable", default=False) else None,
        dualstack=read.flag("dualstack", default=False),
        fips=read.flag("fips", default=False),
        accelerate=read.flag("accelerate", default=False),
        checksums=Checksums(read.choice("request_checksum_calculation", tuple(Checksums))),
        encryption=read.choice("ssetype", ("", "AES256", "aws:kms", "aws:kms:dsse")),
        encryption_key=options.get("kmskeyid", ""),
    )


# Every accepted spelling → the name under which its value is kept. The last three are accepted and mean nothing here:
# which SDK is used, the limits of a retry mechanism that is not ours, and a check that this program never turns on.
_FIELDS = {
    "region": "region",
    "endpoint": "endpoint",
    "profile": "profile",
    "prefix": "prefix",
    "anonymous": "anonymous",
    "dualstack": "dualstack",
    "fips": "fips",
    "accelerate": "accelerate",
    "hostname_immutable": "hostname_immutable",
    "ssetype": "ssetype",
    "kmskeyid": "kmskeyid",
    "request_checksum_calculation": "request_checksum_calculation",
    **dict.fromkeys(("s3ForcePathStyle", "s3_force_path_style", "usePathStyle", "use_path_style"), "s3ForcePathStyle"),
    **dict.fromkeys(("disableSSL", "disable_ssl", "disableHTTPS", "disable_https"), "disableSSL"),
    "awssdk": "awssdk",
    "rate_limiter_capacity": "rate_limiter_capacity",
    "response_checksum_validation": "response_checksum_validation",
}


class _Options:
    """Values of options, read as what they must be."""

    def __init__(self, setting: str, values: dict[str, str]) -> None:
        self._setting, self._values = setting, values

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        if value not in _TRUE | _FALSE:
            raise StartUpError(f"{self._setting}: option {name} must be true or false")
        return value in _TRUE

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._values.get(name, allowed[0])
        if value not in allowed:
            raise StartUpError(f"{self._setting}: option {name} must be one of {', '.join(filter(None, allowed))}")
        return value


def _split(address: str, setting: str) -> SplitResult:
    parts = urlsplit(address)
    if "@" in parts.netloc:
        raise StartUpError(f"{setting}: an address must not contain credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if not parts.netloc:
        raise StartUpError(f"{setting}: the address names no bucket; write s3://bucket?region=…")
    if not _BUCKET.fullmatch(parts.netloc):
        raise StartUpError(f"{setting}: the name of the bucket contains characters that are not allowed")
    if parts.fragment:
        raise StartUpError(f"{setting}: an s3:// address must not have a part after #")
    return parts


def _endpoint(text: str, *, has_tls: bool, setting: str) -> str:
    if not text:
        return ""
    address = text if "://" in text else f"{'https' if has_tls else 'http'}://{text}"
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise StartUpError(f"{setting}: option endpoint must be host[:port], with or without http:// or https://")
    return address.rstrip("/")


def _prefix(path: str, option: str) -> str:
    """Return the parts joined by one slash and ending in one, or nothing."""
    segments = [segment for part in (path, option) for segment in part.split("/") if segment]
    return "".join(f"{segment}/" for segment in segments)
