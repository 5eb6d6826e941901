"""The calls that the infrastructure provider for the vendor's service makes for SAML, with its bodies and its nulls.

It imports the organization's one configuration, changes it by PATCH and never deletes it; its own example has no certificate.
"""

import pytest
from starlette.testclient import TestClient

from tests.peers.saml_idp import Pair, metadata
from tests.sign_in.saml.test_api import DESCRIPTOR, SAML

EXAMPLE = (
    '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"\n  entityID="https://example-idp.invalid/metadata">\n'
    '  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/>\n</md:EntityDescriptor>'
)


@pytest.fixture(autouse=True)
def as_provider(client: TestClient) -> None:
    """What the provider sends along."""
    client.headers.update({"Accept": "application/vnd.pulumi+9", "User-Agent": "pulumi-admin/1", "X-Pulumi-Source": "provider"})


def test_life(client: TestClient, pair: Pair) -> None:
    """What was sent comes back letter for letter, every time the same, however often it is sent."""
    before = client.get(SAML)
    for text in (EXAMPLE, EXAMPLE, metadata(pair)):
        changed = client.patch(SAML, json={DESCRIPTOR: text, "required": None, "sessionHours": None})
        found = client.get(SAML)

        assert (200, 200, changed.json()) == (changed.status_code, found.status_code, found.json())
        assert text == found.json()["idpSsoDescriptor"]
    assert (200, "") == (before.status_code, before.json()["idpSsoDescriptor"])


def test_nulls_alone(client: TestClient) -> None:
    """A change in which everything is null is a bad request: there is nothing to change."""
    assert 400 == client.patch(SAML, json={DESCRIPTOR: None, "required": None, "sessionHours": None}).status_code
    assert "https://example-idp.invalid/metadata" == client.patch(SAML, json={DESCRIPTOR: EXAMPLE}).json()["entityId"]
