"""Scenes of the keys that an organization manages itself; one that is not used is made beside the server, without AWS."""

from pulumi_cloud_sdk import models

from common.core.ids import new_id
from tests.contract.sdk_scene import Scene, refused, scene
from tests.factories.customer_keys import ROLE, arn, make_unused


def new_key(name: str, key_arn: str) -> models.CustomerManagedKeyInput:
    """Return the request to register a key."""
    return models.CustomerManagedKeyInput(name, models.KeyType.AwsKms, models.AwsKmsConfig(ROLE, key_arn))


def states(where: Scene) -> list[str]:
    """Return the states of the keys, the server's own first."""
    return [str(key.state) for key in where.admin.orgs.list_organization_keys(where.org)]


@scene
def list_organization_keys(where: Scene) -> None:
    """The server's own key is the default until there is another one."""
    key_id = make_unused(where.backend, where.org)

    own, other = where.admin.orgs.list_organization_keys(where.org)

    assert ("service", models.KeyType.Service, "default") == (own.id, own.key_type, own.state)
    assert (key_id, "enabled", arn("unused"), ROLE) == (other.id, other.state, other.aws_kms.key_arn, other.aws_kms.role_arn)


@scene
def create_organization_key(where: Scene) -> None:
    """The first key becomes the default; the server has tried it."""
    key = where.admin.orgs.create_organization_key(where.org, new_key("own", where.kms_key))

    assert ("own", models.KeyType.AwsKms, "default", where.kms_key) == (key.name, key.key_type, key.state, key.aws_kms.key_arn)
    with refused(400):
        where.admin.orgs.create_organization_key(where.org, new_key("other", arn("missing")))


@scene
def set_default_organization_key(where: Scene) -> None:
    """Another key becomes the default."""
    where.admin.orgs.set_default_organization_key(where.org, make_unused(where.backend, where.org))

    assert ["enabled", "default"] == states(where)


@scene
def disable_organization_key(where: Scene) -> None:
    """A key is disabled in favor of the default key."""
    key_id = make_unused(where.backend, where.org)

    where.admin.orgs.disable_organization_key(where.org, key_id, models.DisableCustomerManagedKeyRequest("service"))

    assert ["default", "disabled"] == states(where)
    with refused(404):
        where.admin.orgs.disable_organization_key(where.org, new_id(), models.DisableCustomerManagedKeyRequest("service"))


@scene
def disable_all_organization_keys(where: Scene) -> None:
    """All keys are disabled at once, and no key can be afterwards."""
    where.admin.orgs.set_default_organization_key(where.org, make_unused(where.backend, where.org))

    where.admin.orgs.disable_all_organization_keys(where.org)

    assert ["default", "disabled"] == states(where)
    with refused(400):
        where.admin.orgs.disable_all_organization_keys(where.org)


@scene
def list_organization_key_migrations(where: Scene) -> None:
    """A change of the default begins a migration."""
    assert [] == where.admin.orgs.list_organization_key_migrations(where.org)

    where.admin.orgs.set_default_organization_key(where.org, make_unused(where.backend, where.org))

    (migration,) = where.admin.orgs.list_organization_key_migrations(where.org)
    assert (True, "pending") == (bool(migration.id), migration.state)


@scene
def retry_organization_key_migrations(where: Scene) -> None:
    """A retry without failed migrations does nothing."""
    where.admin.orgs.retry_organization_key_migrations(where.org)

    assert [] == where.admin.orgs.list_organization_key_migrations(where.org)
