"""Bucket addresses of two generations."""

import pytest

from common.core.errors import StartUpError
from common.ports.blobs.s3_address import Checksums, Place, parse

SETTING = "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT"


class TestParse:
    @pytest.mark.parametrize(
        ("address", "place"),
        [
            ("s3://b?region=eu-west-1", Place("b", region="eu-west-1")),
            ("s3://b/some/prefix?region=eu-west-1", Place("b", "some/prefix/", region="eu-west-1")),
            ("s3://b//some//prefix/", Place("b", "some/prefix/")),
            ("s3://b?prefix=some/prefix", Place("b", "some/prefix/")),
            ("s3://b/a?prefix=b", Place("b", "a/b/")),
            (
                "s3://b?endpoint=minio:9000&disableSSL=true&s3ForcePathStyle=true",
                Place("b", endpoint="http://minio:9000", has_tls=False, path_style=True),
            ),
            (
                "s3://b?endpoint=minio:9000&disable_https=true&use_path_style=true",
                Place("b", endpoint="http://minio:9000", has_tls=False, path_style=True),
            ),
            (
                "s3://b?endpoint=minio:9000&disableHTTPS=true&usePathStyle=true",
                Place("b", endpoint="http://minio:9000", has_tls=False, path_style=True),
            ),
            (
                "s3://b?endpoint=https://s3.example.test&usePathStyle=true&awssdk=v2",
                Place("b", endpoint="https://s3.example.test", path_style=True),
            ),
            (
                "s3://b?endpoint=http%3A%2F%2Flocalhost%3A9000&region=us-east-1&s3ForcePathStyle=true",
                Place("b", region="us-east-1", endpoint="http://localhost:9000", has_tls=False, path_style=True),
            ),
            ("s3://b?endpoint=https://s3.example.test/&disableSSL=true", Place("b", endpoint="https://s3.example.test")),
            ("s3://b?disableHTTPS=true", Place("b", has_tls=False)),
            ("s3://b?hostname_immutable=true", Place("b")),
            ("s3://b?endpoint=minio:9000&hostname_immutable=true", Place("b", endpoint="https://minio:9000", path_style=True)),
            ("s3://b?endpoint=minio:9000&s3ForcePathStyle=false", Place("b", endpoint="https://minio:9000", path_style=False)),
            ("s3://b?profile=minio", Place("b", profile="minio")),
            (
                "s3://b?anonymous=true&dualstack=T&fips=1&accelerate=True",
                Place("b", is_anonymous=True, dualstack=True, fips=True, accelerate=True),
            ),
            ("s3://b?ssetype=aws:kms&kmskeyid=alias/states", Place("b", encryption="aws:kms", encryption_key="alias/states")),
            (
                "s3://b?request_checksum_calculation=when_supported&response_checksum_validation=when_required",
                Place("b", checksums=Checksums.WHEN_SUPPORTED),
            ),
            ("S3://B", Place("B")),
        ],
    )
    def test_reads_both_spellings(self, address: str, place: Place) -> None:
        """Old and new names mean the same, an endpoint may lack its scheme, and a prefix ends with one slash."""
        assert place == parse(address, SETTING)

    def test_takes_the_region_from_elsewhere(self) -> None:
        """AWS_REGION counts where the address names none."""
        assert "eu-west-1" == parse("s3://b", SETTING, default_region="eu-west-1").region
        assert "us-east-1" == parse("s3://b?region=us-east-1", SETTING, default_region="eu-west-1").region

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("s3://b?frobnicate=1", "unknown option 'frobnicate'"),
            ("s3://b?S3ForcePathStyle=true", "unknown option 'S3ForcePathStyle'"),
            ("s3://", "names no bucket"),
            ("s3://?region=eu-west-1", "names no bucket"),
            ("s3:///prefix", "names no bucket"),
            ("s3://b c", "characters that are not allowed"),
            ("s3://b?s3ForcePathStyle=yes", "s3ForcePathStyle must be true or false"),
            ("s3://b?usePathStyle=false&s3ForcePathStyle=true", "contradicts"),
            ("s3://b?endpoint=ftp://example.com", "option endpoint"),
            ("s3://b?endpoint=https://horse:battery@example.com", "option endpoint"),
            ("s3://horse:battery@b", "must not contain credentials"),
            ("s3://b?request_checksum_calculation=never", "when_required, when_supported"),
            ("s3://b?ssetype=rot13", "ssetype must be one of"),
            ("s3://b#battery", "after #"),
        ],
    )
    def test_refuses_what_it_does_not_understand(self, address: str, words: str) -> None:
        """The message names the setting and the option, and never a value that may be a secret."""
        with pytest.raises(StartUpError, match=words) as raised:
            parse(address, SETTING)

        assert str(raised.value).startswith(f"{SETTING}: ")
        assert "battery" not in str(raised.value)

    def test_says_in_words_what_is_in_force(self) -> None:
        """`doctor` prints the effective options."""
        said = str(parse("s3://b/p?region=eu-west-1&endpoint=minio:9000&disableSSL=true&usePathStyle=true&awssdk=v2", SETTING))

        assert "s3://b/p/, region eu-west-1, endpoint http://minio:9000, path style, no TLS, checksums when_required" == said
