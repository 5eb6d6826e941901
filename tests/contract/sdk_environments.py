"""Scenes of environments: definitions, revisions, tags, opening and the catalogues."""

import urllib.request

from pulumi_cloud_sdk import models

from tests.contract.sdk_scene import PROJECT, Scene, refused, scene, unique

PLAIN = "values: {a: [1, x], b: {fn::toJSON: {c: 1}}}\n"
SECRET = "values:\n  pw:\n    fn::secret: hunter2\n  a: 1\n"


def make(where: Scene, text: str = "") -> tuple[str, str, str]:
    """Make an environment, with a definition if there is a text, and return its organization, project and name."""
    name = unique("env")
    where.admin.environments.create_environment_esc_environments(where.org, models.CreateEnvironmentRequest(PROJECT, name))
    at = (where.org, PROJECT, name)
    if text:
        where.admin.environments.update_environment_esc_environments(*at, text)
    return at


def text_of(where: Scene, at: tuple[str, str, str], version: str = "latest") -> str:
    """Return the text of a definition, decrypted. The SDK reads every definition as JSON, so it can read none but empty ones."""
    address = f"{where.url}/api/esc/environments/{'/'.join(at)}/versions/{version}/decrypt"
    request = urllib.request.Request(address, headers={"Authorization": f"token {where.admin.token}"})
    with urllib.request.urlopen(request) as reply:
        return str(reply.read().decode())


def tag(where: Scene, at: tuple[str, str, str], name: str, revision: int) -> None:
    """Tag a revision."""
    request = models.CreateEnvironmentRevisionTagRequest(name, revision)
    where.admin.environments.create_revision_tag_esc_environments_versions_tags(*at, request)


@scene
def create_environment_esc_environments(where: Scene) -> None:
    """An environment is made once."""
    at = make(where)

    with refused(409):
        where.admin.environments.create_environment_esc_environments(where.org, models.CreateEnvironmentRequest(PROJECT, at[2]))


@scene
def read_environment_esc_environments(where: Scene) -> None:
    """A definition comes with its revision."""
    found = where.admin.environments.read_environment_esc_environments(*make(where))

    assert 1 == found.headers.pulumi_esc_revision
    assert found.headers.e_tag


@scene
def head_environment_esc_environments(where: Scene) -> None:
    """The headers of a definition alone."""
    where.admin.environments.head_environment_esc_environments(*make(where))


@scene
def update_environment_esc_environments(where: Scene) -> None:
    """A definition is saved; one with errors is refused."""
    at = make(where)

    where.admin.environments.update_environment_esc_environments(*at, SECRET)
    assert SECRET == text_of(where, at)
    with refused(400):
        where.admin.environments.update_environment_esc_environments(*at, "values: {a: '${nope}'}")


@scene
def delete_environment_esc_environments(where: Scene) -> None:
    """A deleted environment is gone."""
    at = make(where)

    where.admin.environments.delete_environment_esc_environments(*at)
    with refused(404):
        where.admin.environments.delete_environment_esc_environments(*at)


@scene
def decrypt_environment_esc_environments(where: Scene) -> None:
    """A decrypted definition comes with its revision."""
    assert 1 == where.admin.environments.decrypt_environment_esc_environments(*make(where)).headers.pulumi_esc_revision


@scene
def check_environment_esc_environments(where: Scene) -> None:
    """A check tells values, expressions and schema."""
    found = where.admin.environments.check_environment_esc_environments(*make(where, PLAIN))

    assert {"a", "b"} == set(found.properties)
    assert {"fn::toJSON": 1} == found.environment_function_summary.func_counts


@scene
def check_yaml_esc(where: Scene) -> None:
    """A document is checked without being stored."""
    found = where.admin.environments.check_yaml_esc(where.org, "values: {a: [1, b]}")

    assert {"a"} == set(found.properties)


@scene
def open_environment_esc_environments(where: Scene) -> None:
    """An open gives the id of a session."""
    assert where.admin.environments.open_environment_esc_environments(*make(where, SECRET), duration="1h").id


@scene
def read_open_environment_esc_environments(where: Scene) -> None:
    """A session has the values, and single ones."""
    at = make(where, SECRET)
    session = where.admin.environments.open_environment_esc_environments(*at).id

    assert where.admin.environments.read_open_environment_esc_environments(*at, session)
    assert where.admin.environments.read_open_environment_esc_environments(*at, session, property="pw")
    with refused(404):
        where.person().environments.read_open_environment_esc_environments(*at, session)


@scene
def open_yaml_esc(where: Scene) -> None:
    """A document without values opens; the SDK cannot send another one."""
    assert where.admin.environments.open_yaml_esc(where.org).id


@scene
def read_anonymous_open_environment_esc(where: Scene) -> None:
    """The session of a document is read."""
    session = where.admin.environments.open_yaml_esc(where.org).id

    where.admin.environments.read_anonymous_open_environment_esc(where.org, session)


@scene
def list_environments_esc(where: Scene) -> None:
    """All environments that a user sees."""
    at = make(where)
    found = where.admin.environments.list_environments_esc(organization=where.org).environments

    assert [(at[1], at[2], where.admin.login)] == [(one.project, one.name, one.owned_by.github_login) for one in found]


@scene
def list_org_environments_esc(where: Scene) -> None:
    """Pages of an organization's environments follow each other."""
    names = sorted(make(where)[2] for _ in range(3))
    first = where.admin.environments.list_org_environments_esc(where.org, max_results=2)
    second = where.admin.environments.list_org_environments_esc(where.org, continuation_token=first.next_token, max_results=2)

    assert names == [one.name for one in (*first.environments, *second.environments)]


@scene
def clone_environment(where: Scene) -> None:
    """A copy has the secrets of its source."""
    at, name = make(where, SECRET), unique("copy")

    where.admin.environments.clone_environment(*at, models.CloneEnvironmentRequest(name=name))
    assert SECRET == text_of(where, (where.org, PROJECT, name))


@scene
def list_deleted_environments(where: Scene) -> None:
    """Deleted environments are listed with the time."""
    at = make(where)
    where.admin.environments.delete_environment_esc_environments(*at)
    found = where.admin.environments.list_deleted_environments(where.org).environments

    assert [at[2]] == [one.name for one in found]
    assert found[0].deleted_at


@scene
def restore_environment(where: Scene) -> None:
    """A deleted environment comes back."""
    at = make(where, SECRET)
    where.admin.environments.delete_environment_esc_environments(*at)
    (deleted,) = where.admin.environments.list_deleted_environments(where.org).environments

    request = models.RestoreEnvironmentRequest(name=at[2], project=at[1], deletion_timestamp=deleted.deleted_at)
    where.admin.environments.restore_environment(where.org, request)
    assert SECRET == text_of(where, at)


@scene
def get_environment_metadata_esc_environments(where: Scene) -> None:
    """The owner of an environment."""
    found = where.admin.environments.get_environment_metadata_esc_environments(*make(where))

    assert where.admin.login == found.owned_by.github_login
    assert not found.open_request_needed


@scene
def get_environment_settings(where: Scene) -> None:
    """A new environment is not protected."""
    assert not where.admin.environments.get_environment_settings(*make(where)).deletion_protected


@scene
def patch_environment_settings(where: Scene) -> None:
    """A protected environment is not deleted."""
    at = make(where)

    where.admin.environments.patch_environment_settings(*at, models.PatchEnvironmentSettingsRequest(deletion_protected=True))
    with refused(409):
        where.admin.environments.delete_environment_esc_environments(*at)


@scene
def reassign_environment_ownership(where: Scene) -> None:
    """Another user becomes the owner; the reply names the former one."""
    other = where.person()
    before = where.admin.environments.reassign_environment_ownership(*make(where), models.UserInfo("", other.login, ""))

    assert where.admin.login == before.github_login


@scene
def encrypt_environment_secrets(where: Scene) -> None:
    """A value is encrypted for one environment."""
    request = models.EncryptEnvironmentSecretsRequest(["aGk="])

    assert 1 == len(where.admin.environments.encrypt_environment_secrets(*make(where), request).ciphertexts)


@scene
def decrypt_environment_secrets(where: Scene) -> None:
    """Decrypting is the reverse."""
    at = make(where)
    sealed = where.admin.environments.encrypt_environment_secrets(*at, models.EncryptEnvironmentSecretsRequest(["aGk="]))
    request = models.DecryptEnvironmentSecretsRequest(sealed.ciphertexts)

    assert ["aGk="] == where.admin.environments.decrypt_environment_secrets(*at, request).plaintexts


@scene
def list_environment_revisions_esc_environments(where: Scene) -> None:
    """Revisions are listed newest first."""
    found = where.admin.environments.list_environment_revisions_esc_environments(*make(where, SECRET))

    assert [(2, ["latest"]), (1, [])] == [(one.number, one.tags) for one in found]


@scene
def read_environment_esc_environments_versions(where: Scene) -> None:
    """An older revision is read by its number."""
    found = where.admin.environments.read_environment_esc_environments_versions(*make(where, SECRET), "1")

    assert 1 == found.headers.pulumi_esc_revision


@scene
def decrypt_environment_esc_environments_versions(where: Scene) -> None:
    """An older revision is decrypted by its number."""
    found = where.admin.environments.decrypt_environment_esc_environments_versions(*make(where, SECRET), "1")

    assert 1 == found.headers.pulumi_esc_revision


@scene
def check_environment_esc_environments_versions(where: Scene) -> None:
    """An older revision is checked."""
    found = where.admin.environments.check_environment_esc_environments_versions(*make(where, PLAIN), "2")

    assert {"a", "b"} == set(found.properties)


@scene
def open_environment_esc_environments_versions(where: Scene) -> None:
    """An older revision is opened."""
    assert where.admin.environments.open_environment_esc_environments_versions(*make(where, SECRET), "2").id


@scene
def retract_environment_revision_esc_environments(where: Scene) -> None:
    """A retracted revision is not read any more, and the list says why."""
    at = make(where, SECRET)
    request = models.RetractEnvironmentRevisionRequest(reason="leaked")

    where.admin.environments.retract_environment_revision_esc_environments(*at, "1", request)
    with refused(404):
        where.admin.environments.read_environment_esc_environments_versions(*at, "1")
    found = where.admin.environments.list_environment_revisions_esc_environments(*at)
    assert "leaked" == found[1].retracted.reason


@scene
def create_revision_tag_esc_environments_versions_tags(where: Scene) -> None:
    """A revision is tagged once under a name."""
    at = make(where)

    tag(where, at, "stable", 1)
    with refused(409):
        tag(where, at, "stable", 1)


@scene
def list_revision_tags_esc_environments_versions(where: Scene) -> None:
    """Latest is among the tags."""
    at = make(where)
    tag(where, at, "stable", 1)
    found = where.admin.environments.list_revision_tags_esc_environments_versions(*at).tags

    assert ["latest", "stable"] == [one.name for one in found]


@scene
def list_revision_tags_esc_environments_versions2(where: Scene) -> None:
    """The tags of one revision."""
    at = make(where, SECRET)
    tag(where, at, "first", 1)
    found = where.admin.environments.list_revision_tags_esc_environments_versions2(*at, "1").tags

    assert ["first"] == [one.name for one in found]


@scene
def read_revision_tag_esc_environments(where: Scene) -> None:
    """A tag tells its revision and its editor."""
    found = where.admin.environments.read_revision_tag_esc_environments(*make(where), "latest")

    assert (1, where.admin.login) == (found.revision, found.editor_login)


@scene
def update_revision_tag_esc_environments(where: Scene) -> None:
    """A tag moves to another revision."""
    at = make(where, SECRET)
    tag(where, at, "stable", 1)

    where.admin.environments.update_revision_tag_esc_environments(*at, "stable", models.UpdateEnvironmentRevisionTagRequest(2))
    assert 2 == where.admin.environments.read_revision_tag_esc_environments(*at, "stable").revision


@scene
def delete_revision_tag_esc_environments(where: Scene) -> None:
    """A tag is deleted once."""
    at = make(where)
    tag(where, at, "stable", 1)

    where.admin.environments.delete_revision_tag_esc_environments(*at, "stable")
    with refused(404):
        where.admin.environments.delete_revision_tag_esc_environments(*at, "stable")


@scene
def create_environment_tag_esc_environments(where: Scene) -> None:
    """A tag is added, once."""
    at, request = make(where), models.CreateEnvironmentTagRequest("team", "web")

    assert "web" == where.admin.environments.create_environment_tag_esc_environments(*at, request).value
    with refused(409):
        where.admin.environments.create_environment_tag_esc_environments(*at, request)


@scene
def list_environment_tags_esc_environments(where: Scene) -> None:
    """Tags are listed by name."""
    at = make(where)
    where.admin.environments.create_environment_tag_esc_environments(*at, models.CreateEnvironmentTagRequest("team", "web"))
    found = where.admin.environments.list_environment_tags_esc_environments(*at)

    assert ({"team"}, "0") == (set(found.tags), found.next_token)


@scene
def get_environment_tag_esc_environments(where: Scene) -> None:
    """A tag tells its editor."""
    at = make(where)
    where.admin.environments.create_environment_tag_esc_environments(*at, models.CreateEnvironmentTagRequest("team", "web"))

    assert where.admin.login == where.admin.environments.get_environment_tag_esc_environments(*at, "team").editor_login


@scene
def update_environment_tag_esc_environments(where: Scene) -> None:
    """A tag gets another value, if it has the one that was read."""
    at = make(where)
    where.admin.environments.create_environment_tag_esc_environments(*at, models.CreateEnvironmentTagRequest("team", "web"))
    current = models.UpdateEnvironmentTagRequestCurrentTag("web")
    request = models.UpdateEnvironmentTagRequest(current, models.UpdateEnvironmentTagRequestNewTag("team", "api"))

    assert "api" == where.admin.environments.update_environment_tag_esc_environments(*at, "team", request).value


@scene
def delete_environment_tag_esc_environments(where: Scene) -> None:
    """A tag is deleted once."""
    at = make(where)
    where.admin.environments.create_environment_tag_esc_environments(*at, models.CreateEnvironmentTagRequest("team", "web"))

    where.admin.environments.delete_environment_tag_esc_environments(*at, "team")
    with refused(404):
        where.admin.environments.delete_environment_tag_esc_environments(*at, "team")


@scene
def list_all_environment_tags_esc(where: Scene) -> None:
    """The tags of an organization with their values."""
    at = make(where)
    where.admin.environments.create_environment_tag_esc_environments(*at, models.CreateEnvironmentTagRequest("team", "web"))

    assert {"team": ["web"]} == where.admin.environments.list_all_environment_tags_esc(where.org)


@scene
def list_environment_referrers_esc_environments(where: Scene) -> None:
    """The environments that import one."""
    at = make(where, SECRET)
    other = make(where, f"imports: [{at[1]}/{at[2]}]")
    found = where.admin.environments.list_environment_referrers_esc_environments(*at)

    assert [other[2]] == [one.environment.name for one in found.referrers["latest"]]


@scene
def list_environment_referrers_esc_environments_versions(where: Scene) -> None:
    """The environments that import one revision."""
    at = make(where, SECRET)
    make(where, f"imports: ['{at[1]}/{at[2]}@2']")
    found = where.admin.environments.list_environment_referrers_esc_environments_versions(*at, "2")

    assert {"2"} == set(found.referrers)


@scene
def list_providers_esc(where: Scene) -> None:
    """The catalogue of providers."""
    assert "pulumi-stacks" in where.admin.environments.list_providers_esc().providers


@scene
def get_provider_schema_esc(where: Scene) -> None:
    """A provider tells what it takes and gives."""
    found = where.admin.environments.get_provider_schema_esc("pulumi-stacks")

    assert "pulumi-stacks" == found.name


@scene
def list_rotators(where: Scene) -> None:
    """The catalogue of rotators."""
    where.admin.environments.list_rotators()


@scene
def rotate_environment(where: Scene) -> None:
    """A rotation tells what it rotated, and which revision has it."""
    at = make(where, "values: {pw: {fn::rotate::password: {inputs: {}}}}\n")
    found = where.admin.environments.rotate_environment(*at, models.RotateEnvironmentRequest(["pw"]))

    event = found.secret_rotation_event
    assert ("succeeded", 3, ["pw"]) == (
        event.status,
        event.post_rotation_revision,
        [rotation.environment_path for rotation in event.rotations],
    )


@scene
def list_environment_secret_rotation_history(where: Scene) -> None:
    """The history has every rotation."""
    at = make(where, "values: {pw: {fn::rotate::password: {inputs: {}}}}\n")
    where.admin.environments.rotate_environment(*at, models.RotateEnvironmentRequest([]))

    assert ["succeeded"] == [
        event.status for event in where.admin.environments.list_environment_secret_rotation_history(*at).events
    ]


@scene
def get_rotator_schema(where: Scene) -> None:
    """The schema of a rotator."""
    assert "password" == where.admin.environments.get_rotator_schema("password").name


@scene
def get_context_schema(where: Scene) -> None:
    """The schema of the reserved name."""
    assert where.admin.environments.get_context_schema()
