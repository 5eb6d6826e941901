"""Scenes of environments under the older addresses, which have no project: all of them are in the project `default`."""

from typing import Any

from pulumi_cloud_sdk import models

from tests.contract.sdk_environments import PLAIN, SECRET
from tests.contract.sdk_scene import Scene, refused, scene, unique


def make(where: Scene, text: str = "") -> tuple[str, str]:
    """Make an environment, with a definition if there is a text, and return its organization and name."""
    at = (where.org, unique("env"))
    api(where).create_environment_preview_environments(*at, models.CreateEnvironmentRequest("default", at[1]))
    if text:
        api(where).update_environment_preview_environments(*at, text)
    return at


def api(where: Scene) -> Any:
    """Return the SDK's operations of environments, as the admin calls them."""
    return where.admin.environments


def tagged(where: Scene) -> tuple[str, str]:
    """Make an environment with a tag and a revision tag, and return its organization and name."""
    at = make(where)
    api(where).create_environment_tag_preview_environments(*at, models.CreateEnvironmentTagRequest("team", "web"))
    request = models.CreateEnvironmentRevisionTagRequest("stable", 1)
    api(where).create_revision_tag_preview_environments_versions_tags(*at, "stable", request)
    return at


@scene
def create_environment_preview_environments(where: Scene) -> None:
    """An environment is made once."""
    at = make(where)
    with refused(409):
        api(where).create_environment_preview_environments(*at, models.CreateEnvironmentRequest("default", at[1]))


@scene
def update_environment_preview_environments(where: Scene) -> None:
    """A definition is saved as the next revision."""
    make(where, PLAIN)


@scene
def read_environment_preview_environments(where: Scene) -> None:
    """A definition comes with its revision."""
    assert 1 == api(where).read_environment_preview_environments(*make(where)).headers.pulumi_esc_revision


@scene
def head_environment_preview_environments(where: Scene) -> None:
    """The headers of a definition alone."""
    api(where).head_environment_preview_environments(*make(where))


@scene
def decrypt_environment_preview_environments(where: Scene) -> None:
    """A decrypted definition comes with its revision."""
    assert 1 == api(where).decrypt_environment_preview_environments(*make(where)).headers.pulumi_esc_revision


@scene
def delete_environment_preview_environments(where: Scene) -> None:
    """A deleted environment is gone."""
    at = make(where)
    api(where).delete_environment_preview_environments(*at)
    with refused(404):
        api(where).delete_environment_preview_environments(*at)


@scene
def list_environments_preview(where: Scene) -> None:
    """All environments that a user sees."""
    at = make(where)

    assert [at[1]] == [item.name for item in api(where).list_environments_preview(organization=where.org).environments]


@scene
def list_org_environments_preview(where: Scene) -> None:
    """The environments of an organization."""
    at = make(where)

    assert [at[1]] == [item.name for item in api(where).list_org_environments_preview(where.org).environments]


@scene
def list_all_environment_tags_preview(where: Scene) -> None:
    """The tags of all environments, with their values."""
    tagged(where)

    assert {"team": ["web"]} == api(where).list_all_environment_tags_preview(where.org)


@scene
def list_providers_preview_environments(where: Scene) -> None:
    """The names of providers."""
    assert api(where).list_providers_preview_environments(org_name=where.org).providers is not None


@scene
def check_yaml_preview(where: Scene) -> None:
    """A document is checked without being stored."""
    api(where).check_yaml_preview(where.org, "values: {a: [1, b]}")


@scene
def open_yaml_preview(where: Scene) -> None:
    """A document opens."""
    assert api(where).open_yaml_preview(where.org).id


@scene
def read_anonymous_open_environment_preview(where: Scene) -> None:
    """The session of a document is read."""
    api(where).read_anonymous_open_environment_preview(where.org, api(where).open_yaml_preview(where.org).id)


@scene
def check_environment_preview_environments(where: Scene) -> None:
    """A check tells the values."""
    assert {"a", "b"} == set(api(where).check_environment_preview_environments(*make(where, PLAIN)).properties)


@scene
def open_environment_preview_environments(where: Scene) -> None:
    """An open gives the id of a session."""
    assert api(where).open_environment_preview_environments(*make(where, SECRET)).id


@scene
def read_open_environment_preview_environments(where: Scene) -> None:
    """A session has the values."""
    at = make(where, SECRET)
    session = api(where).open_environment_preview_environments(*at).id

    assert api(where).read_open_environment_preview_environments(*at, session)


@scene
def get_environment_metadata_preview_environments(where: Scene) -> None:
    """The owner of an environment."""
    found = api(where).get_environment_metadata_preview_environments(*make(where))

    assert where.admin.login == found.owned_by.github_login


@scene
def create_environment_tag_preview_environments(where: Scene) -> None:
    """A tag has a name and a value."""
    request = models.CreateEnvironmentTagRequest("team", "web")

    assert "web" == api(where).create_environment_tag_preview_environments(*make(where), request).value


@scene
def list_environment_tags_preview_environments(where: Scene) -> None:
    """The tags of an environment."""
    assert ["team"] == list(api(where).list_environment_tags_preview_environments(*tagged(where)).tags)


@scene
def get_environment_tag_preview_environments(where: Scene) -> None:
    """A tag by its name."""
    assert "web" == api(where).get_environment_tag_preview_environments(*tagged(where), "team").value


@scene
def update_environment_tag_preview_environments(where: Scene) -> None:
    """A tag gets another value."""
    at = tagged(where)
    current = models.UpdateEnvironmentTagRequestCurrentTag("web")
    request = models.UpdateEnvironmentTagRequest(current, models.UpdateEnvironmentTagRequestNewTag("team", "ops"))

    assert "ops" == api(where).update_environment_tag_preview_environments(*at, "team", request).value


@scene
def delete_environment_tag_preview_environments(where: Scene) -> None:
    """A tag is deleted once."""
    at = tagged(where)
    api(where).delete_environment_tag_preview_environments(*at, "team")
    with refused(404):
        api(where).delete_environment_tag_preview_environments(*at, "team")


@scene
def list_environment_revisions_preview_environments(where: Scene) -> None:
    """Revisions, the newest first."""
    found = api(where).list_environment_revisions_preview_environments(*make(where, PLAIN))

    assert [2, 1] == [revision.number for revision in found]


@scene
def create_revision_tag_preview_environments_versions_tags(where: Scene) -> None:
    """A revision is tagged."""
    tagged(where)


@scene
def list_revision_tags_preview_environments_versions(where: Scene) -> None:
    """The revision tags of an environment."""
    found = api(where).list_revision_tags_preview_environments_versions(*tagged(where)).tags

    assert "stable" in [tag.name for tag in found]


@scene
def list_revision_tags_preview_environments_versions2(where: Scene) -> None:
    """The tags of a revision."""
    found = api(where).list_revision_tags_preview_environments_versions2(*tagged(where), "1").tags

    assert "stable" in [tag.name for tag in found]


@scene
def read_revision_tag_preview_environments(where: Scene) -> None:
    """A revision tag by its name."""
    assert 1 == api(where).read_revision_tag_preview_environments(*tagged(where), "stable").revision


@scene
def update_revision_tag_preview_environments(where: Scene) -> None:
    """A revision tag moves."""
    at = tagged(where)
    api(where).update_environment_preview_environments(*at, PLAIN)
    api(where).update_revision_tag_preview_environments(*at, "stable", models.UpdateEnvironmentRevisionTagRequest(2))

    assert 2 == api(where).read_revision_tag_preview_environments(*at, "stable").revision


@scene
def delete_revision_tag_preview_environments(where: Scene) -> None:
    """A revision tag is deleted."""
    at = tagged(where)
    api(where).delete_revision_tag_preview_environments(*at, "stable")
    with refused(404):
        api(where).read_revision_tag_preview_environments(*at, "stable")


@scene
def read_environment_preview_environments_versions(where: Scene) -> None:
    """The definition of a revision."""
    found = api(where).read_environment_preview_environments_versions(*make(where), "1")

    assert 1 == found.headers.pulumi_esc_revision


@scene
def check_environment_preview_environments_versions(where: Scene) -> None:
    """A check of a revision."""
    found = api(where).check_environment_preview_environments_versions(*make(where, PLAIN), "2")

    assert {"a", "b"} == set(found.properties)


@scene
def decrypt_environment_preview_environments_versions(where: Scene) -> None:
    """The decrypted definition of a revision."""
    found = api(where).decrypt_environment_preview_environments_versions(*make(where), "1")

    assert 1 == found.headers.pulumi_esc_revision


@scene
def open_environment_preview_environments_versions(where: Scene) -> None:
    """An open of a revision gives the id of a session."""
    assert api(where).open_environment_preview_environments_versions(*make(where, SECRET), "2").id


@scene
def list_environment_referrers_preview_environments_versions(where: Scene) -> None:
    """What refers to an environment."""
    assert not api(where).list_environment_referrers_preview_environments_versions(*make(where), "latest").referrers


@scene
def retract_environment_revision_preview_environments(where: Scene) -> None:
    """A revision that is retracted opens no more."""
    at = make(where, PLAIN)
    request = models.RetractEnvironmentRevisionRequest(reason="wrong")
    api(where).retract_environment_revision_preview_environments(*at, "1", request)


@scene
def get_provider_schema_preview_environments(where: Scene) -> None:
    """The schema of a provider."""
    assert "pulumi-stacks" == api(where).get_provider_schema_preview_environments("pulumi-stacks").name
