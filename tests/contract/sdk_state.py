"""Scenes of states, secrets and history of stacks."""

from typing import Any

from pulumi_cloud_sdk import models
from sqlalchemy import update

from common.db.tables.sign_in import email_accounts
from common.sign_in.accounts import steps
from common.stacks.model import StackPath
from tests.contract.sdk_scene import PROJECT, Scene, refused, scene, unique
from tests.factories import people
from tests.factories.stacks import complete, make_running, make_version
from tests.stacks.engine.builders import inner, make_resource, make_state, urn


def at(where: Scene, stack: str) -> tuple[str, str, str]:
    """Return a stack's address for the SDK."""
    return (where.org, PROJECT, stack)


def make(where: Scene, *resources: str) -> tuple[str, str, str]:
    """Make a stack with one update that created resources, and return its address."""
    stack = where.stack()
    caller = people.caller_of(where.backend, where.admin.token)
    make_version(where.backend, caller, StackPath(where.org, PROJECT, stack), *(resources or ("a", "b")))
    return at(where, stack)


def preview(where: Scene, stack: tuple[str, str, str]) -> str:
    """Run a preview of a stack and return its id."""
    caller = people.caller_of(where.backend, where.admin.token)
    running = make_running(where.backend, caller, StackPath(*stack), dry_run=True)
    complete(where.backend, running)
    return running.id


def names(found: Any) -> list[str]:
    """Return the names of resources in a reply."""
    return [item.resource.urn.rpartition("::")[2] for item in found.resources]


@scene
def create_stack(where: Scene) -> None:
    """A stack is made once."""
    stack = where.stack()
    with refused(409):
        where.admin.orgs.create_stack(where.org, PROJECT, models.AppCreateStackRequest(stack_name=stack))


@scene
def project_exists(where: Scene) -> None:
    """A project is there while it has a stack; the reply has no body."""
    where.stack()

    assert where.admin.orgs.project_exists(where.org, PROJECT) is None


@scene
def get_stack(where: Scene) -> None:
    """A stack has the number of its newest version."""
    assert 1 == where.admin.stacks.get_stack(*make(where)).version


@scene
def delete_stack(where: Scene) -> None:
    """A stack is deleted once."""
    stack = at(where, where.stack())
    where.admin.stacks.delete_stack(*stack)
    with refused(404):
        where.admin.stacks.delete_stack(*stack)


@scene
def rename_stack(where: Scene) -> None:
    """A rename is an update with an id."""
    stack, name = make(where), unique("stack")

    assert where.admin.stacks.rename_stack(*stack, models.AppStackRenameRequest(name, "")).update_id
    assert name == where.admin.stacks.get_stack(where.org, PROJECT, name).stack_name


@scene
def import_stack(where: Scene) -> None:
    """A state is imported as an update."""
    stack, state = at(where, where.stack()), inner(make_state())

    assert where.admin.stacks.import_stack(*stack, models.AppImportStackRequest(3, None, state)).update_id


@scene
def export_stack(where: Scene) -> None:
    """The newest state comes back as it is."""
    found = where.admin.stacks.export_stack(*make(where))

    assert (3, 2) == (found.version, len(found.deployment["resources"]))


@scene
def export_stack_at_version(where: Scene) -> None:
    """The state of a version comes back."""
    assert 2 == len(where.admin.stacks.export_stack_at_version(*make(where), 1).deployment["resources"])


@scene
def get_stack_outputs(where: Scene) -> None:
    """The outputs of a stack."""
    stack = at(where, where.stack())
    root = f"urn:pulumi:{stack[2]}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{stack[2]}"
    resource = make_resource("a") | {"urn": root, "type": "pulumi:pulumi:Stack", "custom": False, "outputs": {"url": "x"}}
    resource.pop("id")
    where.admin.stacks.import_stack(*stack, models.AppImportStackRequest(3, None, inner(make_state(resource))))

    assert {"url": "x"} == where.admin.stacks.get_stack_outputs(*stack).outputs


@scene
def get_stack_resource_count(where: Scene) -> None:
    """How many resources the newest version has."""
    found = where.admin.stacks.get_stack_resource_count(*make(where))

    assert (2, 1) == (found.resource_count, found.version)


@scene
def get_latest_stack_resources(where: Scene) -> None:
    """The resources of the newest version."""
    assert ["a", "b"] == names(where.admin.stacks.get_latest_stack_resources(*make(where)))


@scene
def get_stack_resources(where: Scene) -> None:
    """The resources of a version."""
    assert ["a", "b"] == names(where.admin.stacks.get_stack_resources(*make(where), 1))


@scene
def get_latest_stack_resource(where: Scene) -> None:
    """One resource of the newest version."""
    assert urn("a") == where.admin.stacks.get_latest_stack_resource(*make(where), urn("a")).resource.resource.urn


@scene
def get_stack_resource(where: Scene) -> None:
    """One resource of a version."""
    assert urn("b") == where.admin.stacks.get_stack_resource(*make(where), 1, urn("b")).resource.resource.urn


@scene
def list_upstream_stack_references(where: Scene) -> None:
    """The stacks that a stack refers to."""
    assert [] == where.admin.stacks.list_upstream_stack_references(*make(where)).referenced_stacks


@scene
def list_downstream_stack_references(where: Scene) -> None:
    """The stacks that refer to a stack."""
    assert [] == where.admin.stacks.list_downstream_stack_references(*make(where)).referenced_stacks


@scene
def encrypt_value(where: Scene) -> None:
    """A value is encrypted for the stack."""
    assert where.admin.stacks.encrypt_value(*at(where, where.stack()), models.AppEncryptValueRequest(b"x")).ciphertext


@scene
def decrypt_value(where: Scene) -> None:
    """A value comes back."""
    stack = at(where, where.stack())
    ciphertext = where.admin.stacks.encrypt_value(*stack, models.AppEncryptValueRequest(b"x")).ciphertext

    assert b"x" == where.admin.stacks.decrypt_value(*stack, models.AppDecryptValueRequest(ciphertext)).plaintext


@scene
def batch_encrypt_value(where: Scene) -> None:
    """Several values are encrypted, in their order."""
    request = models.AppBatchEncryptRequest([b"x", b"y"])

    assert 2 == len(where.admin.stacks.batch_encrypt_value(*at(where, where.stack()), request).ciphertexts)


@scene
def batch_decrypt_value(where: Scene) -> None:
    """Several values come back, by their ciphertexts."""
    stack = at(where, where.stack())
    sealed = where.admin.stacks.batch_encrypt_value(*stack, models.AppBatchEncryptRequest([b"x", b"y"])).ciphertexts

    found = where.admin.stacks.batch_decrypt_value(*stack, models.AppBatchDecryptRequest(sealed)).plaintexts

    assert {b"x", b"y"} == set(found.values())


@scene
def log_only_decrypt_value(where: Scene) -> None:
    """A client reports that it decrypted a value itself."""
    where.admin.stacks.log_only_decrypt_value(*at(where, where.stack()), models.AppLog3rdPartyDecryptionEvent("password"))


@scene
def log_only_batch_decrypt_value(where: Scene) -> None:
    """A client reports that it decrypted values itself."""
    report = models.AppLog3rdPartyDecryptionEvent(command_name="pulumi config")
    where.admin.stacks.log_only_batch_decrypt_value(*at(where, where.stack()), report)


def configured(where: Scene) -> tuple[str, str, str]:
    """Make a stack that refers to an environment."""
    stack, name = at(where, where.stack()), unique("env")
    where.admin.environments.create_environment_esc_environments(where.org, models.CreateEnvironmentRequest(PROJECT, name))
    where.admin.stacks.update_stack_config(*stack, models.AppStackConfig(f"{PROJECT}/{name}"))
    return stack


@scene
def update_stack_config(where: Scene) -> None:
    """A stack refers to an environment that exists."""
    configured(where)


@scene
def get_stack_config(where: Scene) -> None:
    """The reference comes back; a stack without one has none."""
    assert where.admin.stacks.get_stack_config(*configured(where)).environment.startswith(f"{PROJECT}/")
    with refused(404):
        where.admin.stacks.get_stack_config(*at(where, where.stack()))


@scene
def delete_stack_config(where: Scene) -> None:
    """The reference is deleted."""
    stack = configured(where)
    where.admin.stacks.delete_stack_config(*stack)
    with refused(404):
        where.admin.stacks.get_stack_config(*stack)


@scene
def get_stack_updates(where: Scene) -> None:
    """Updates are listed, the newest first. The SDK has no shape for the reply, as its form depends on the query."""
    stack = make(where)

    assert [1] == [update["version"] for update in where.admin.stacks.get_stack_updates(*stack)["updates"]]


@scene
def get_latest_stack_update(where: Scene) -> None:
    """The newest update."""
    found = where.admin.stacks.get_latest_stack_update(*make(where))

    assert (1, 1, "succeeded") == (found.version, found.latest_version, found.info.result.value)


@scene
def get_stack_update(where: Scene) -> None:
    """An update by its version."""
    assert where.admin.login == where.admin.stacks.get_stack_update(*make(where), 1).requested_by.github_login


@scene
def get_stack_update_summary(where: Scene) -> None:
    """An update in four numbers."""
    assert 2 == where.admin.stacks.get_stack_update_summary(*make(where), 1).resource_count


@scene
def get_stack_activity(where: Scene) -> None:
    """What happened to a stack: updates."""
    found = where.admin.stacks.get_stack_activity(*make(where))

    assert ([1], 1) == ([item.update.version for item in found.activity], found.total)


@scene
def get_latest_stack_previews(where: Scene) -> None:
    """The previews since the newest version."""
    stack = make(where)
    update_id = preview(where, stack)

    assert [update_id] == [item.update_id for item in where.admin.stacks.get_latest_stack_previews(*stack).updates]


@scene
def get_stack_previews(where: Scene) -> None:
    """The previews since a version."""
    stack = make(where)
    update_id = preview(where, stack)

    assert [update_id] == [item.update_id for item in where.admin.stacks.get_stack_previews(*stack, 1).updates]


@scene
def get_stack_preview(where: Scene) -> None:
    """A preview by its id."""
    stack = make(where)
    update_id = preview(where, stack)

    assert update_id == where.admin.stacks.get_stack_preview(*stack, update_id).update_id


@scene
def get_stack_preview_summary(where: Scene) -> None:
    """A preview in four numbers."""
    stack = make(where)

    assert "succeeded" == where.admin.stacks.get_stack_preview_summary(*stack, preview(where, stack)).result.value


@scene
def get_latest_update_timeline(where: Scene) -> None:
    """The newest update with the previews before it."""
    assert 1 == where.admin.stacks.get_latest_update_timeline(*make(where)).update.version


@scene
def get_update_timeline(where: Scene) -> None:
    """An update with the previews before it."""
    assert [] == where.admin.stacks.get_update_timeline(*make(where), 1).previews


@scene
def list_packages(where: Scene) -> None:
    """The registry's packages."""
    assert [] == where.admin.registry.list_packages(org_login=where.org).packages


@scene
def list_templates(where: Scene) -> None:
    """The registry's templates."""
    assert [] == where.admin.registry.list_templates(org_login=where.org).templates


@scene
def get_org_template_collections(where: Scene) -> None:
    """Templates come from no repository yet: the list of sources is empty."""
    assert [] == where.admin.orgs.get_org_template_collections(where.org).sources


@scene
def get_org_templates(where: Scene) -> None:
    """The templates of an organization."""
    assert where.admin.orgs.get_org_templates(where.org).org_has_templates is False


@scene
def fetch_rest_specification(where: Scene) -> None:
    """The description of this server's interface."""
    assert "/api/user" in where.admin.general.fetch_rest_specification()["paths"]


@scene
def get_user_has_verified_email(where: Scene) -> None:
    """Whether the address of a user is confirmed."""
    assert where.admin.users.get_user_has_verified_email() in (True, False)


def with_pending_address(where: Scene) -> Any:
    """Make a person who asked to change the address of their account."""
    person = where.person()
    user_id = people.caller_of(where.backend, person.token).user_id
    with where.backend.db.begin() as tx:
        steps.create_account(tx, where.backend, user_id, f"{person.login}@example.com", "", is_proven=False)
        change = {"is_verified": True, "pending_email": f"{person.login}@example.org"}
        tx.execute(update(email_accounts).values(change).where(email_accounts.c.user_id == user_id))
    return person


@scene
def get_latest_pending_email_change(where: Scene) -> None:
    """The address that waits to be confirmed."""
    person = with_pending_address(where)

    assert f"{person.login}@example.org" == person.users.get_latest_pending_email_change().email


@scene
def delete_pending_email_change(where: Scene) -> None:
    """A change of address is canceled."""
    with_pending_address(where).users.delete_pending_email_change()
