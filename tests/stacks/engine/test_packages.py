"""The packages that a state uses."""

from typing import Any

from common.stacks.engine.packages import PackageUse, decode, encode, find_packages
from tests.stacks.engine.builders import make_resource, make_state, urn


def provider(name: str, kind: str, version: object = None, **members: Any) -> dict[str, Any]:
    """Return a provider resource."""
    resource_type = f"pulumi:providers:{kind}"
    inputs = {} if version is None else {"version": version}
    return make_resource(name, urn=urn(name, resource_type), type=resource_type, inputs=inputs, **members)


def test_are_those_of_its_providers() -> None:
    """A provider is of a package, in the version that its inputs name; resources name it and count for nothing."""
    used = make_resource("a", provider=f"{urn('default', 'pulumi:providers:aws')}::id")
    state = make_state(provider("default", "aws", "6.1.0"), provider("plain", "random"), used)

    assert find_packages(state) == (
        PackageUse("aws", "6.1.0", "pulumi:providers:aws::default"),
        PackageUse("random", "", "pulumi:providers:random::plain"),
    )


def test_come_once_in_each_version() -> None:
    """Two providers of one version are one use; another version is another."""
    state = make_state(provider("a", "aws", "6.1.0"), provider("b", "aws", "6.1.0"), provider("c", "aws", "5.0.0"))

    assert [("5.0.0", "c"), ("6.1.0", "a")] == [(use.version, use.provider[-1]) for use in find_packages(state)]


def test_leave_out_what_is_no_package() -> None:
    """A provider that is to be deleted, one without a URN, and a version that is no text are left out."""
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}
    gone, nameless = provider("old", "aws", "1.0.0", delete=True), {**provider("x", "aws"), "urn": "x"}

    assert [PackageUse("gcp", "", "pulumi:providers:gcp::g")] == list(
        find_packages(make_state(gone, nameless, provider("g", "gcp", secret)))
    )
    assert () == find_packages(make_state(make_resource("a")))
    assert () == find_packages(b'{"type":"pulumi:providers:aws"')


def test_have_the_urn_of_a_renamed_stack() -> None:
    """The URN of a provider follows a stack that was renamed; the text in the database keeps the rest of it."""
    (use,) = decode(encode(find_packages(make_state(provider("default", "aws", "6.1.0")))))

    assert "urn:pulumi:prod::web::pulumi:providers:aws::default" == use.provider_of("web", "prod")
