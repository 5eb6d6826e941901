"""The image, the compose file and the manifests say what the server needs, and nothing that it does not know."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.config.plan import make_plan
from common.config.setting_notices import notices
from common.config.settings import SETTINGS, Settings

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
CONTAINERFILE = (INFRA / "container" / "Containerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text("utf-8"))
MANIFESTS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (INFRA / "kubernetes").glob("*.yaml")}
OURS = ("migrations", "api")
# Of the SDK's own, which settings.md lists with those of the object stores.
OF_THE_SDK = {"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

# What comes from outside.
SECRETS = ("MYSQL_ROOT_PASSWORD", "PULUMI_DATABASE_USER_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def environment(service: str) -> dict[str, str]:
    """The settings of a service, with what comes from outside filled in."""
    values = dict.fromkeys(SECRETS, "a")

    def fill(match: re.Match[str]) -> str:
        return values.get(match["name"], (match["default"] or ""))

    pattern = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}")
    return {name: pattern.sub(fill, str(value)) for name, value in COMPOSE["services"][service]["environment"].items()}


class TestContainerfile:
    def test_runs_without_rights(self) -> None:
        """The last stage has a user by number, a health check, and the signal that ends the server cleanly."""
        last = CONTAINERFILE.rpartition("\nFROM ")[2]

        assert re.search(r"^USER 65532:65532$", last, re.MULTILINE)
        assert re.search(r"^HEALTHCHECK .*\\\n  CMD \[.*/healthz", last, re.MULTILINE)
        assert "STOPSIGNAL SIGTERM" in last
        assert 'ENTRYPOINT ["stackhold"]' in last

    def test_is_for_any_processor(self) -> None:
        """Both stages are of the platform that the build names, and what is installed is locked."""
        assert 2 == CONTAINERFILE.count("FROM --platform=${PLATFORM} ${PYTHON}")
        assert "--require-hashes" in CONTAINERFILE
        assert ":latest" not in CONTAINERFILE

    def test_copies_what_there_is(self) -> None:
        """What it copies from the repository is there, and every package of the wheel among it."""
        names = {name for line in re.findall(r"^COPY (?!--)(.*)$", CONTAINERFILE, re.MULTILINE) for name in line.split()[:-1]}

        assert [] == [name for name in names if not (ROOT / name).exists()]
        assert {"aws", "common", "functions", "pyproject.toml"} <= names

    def test_builds(self) -> None:
        """Where there is a builder, the image is built and says its version."""
        builder = next((name for name in ("podman", "docker") if shutil.which(name) and _works(name)), None)
        if builder is None:
            # Not a tool that every build machine can have: it needs a daemon or name spaces, and a registry of images.
            pytest.skip("there is no builder of images: podman, or docker with its daemon")
        command = [builder, "build", "--quiet", "--file", "infra/container/Containerfile", "--tag", "stackhold:test", "."]
        subprocess.run(command, cwd=ROOT, check=True, timeout=1800)
        run = [builder, "run", "--rm", "--read-only", "stackhold:test", "version"]

        assert subprocess.run(run, capture_output=True, text=True, check=True, timeout=120).stdout.strip()


class TestCompose:
    def test_gives_settings_that_there_are(self) -> None:
        """Every setting is one of this release, in use, and together they make a plan: MySQL, two buckets, a local key."""
        names = {setting.name for setting in SETTINGS} | OF_THE_SDK

        for service in OURS:
            assert set() == set(environment(service)) - names
            assert [] == notices({name: value for name, value in environment(service).items() if value})
        plan = make_plan(Settings(environment("api")))
        assert ("db", 3306) == (plan.database.host, plan.database.port)  # type: ignore[union-attr]

    def test_runs_ours_without_rights(self) -> None:
        """Root is read-only, without capabilities, and reachable from this machine alone."""
        for service in (COMPOSE["services"][name] for name in OURS):
            assert service["read_only"]
            assert ["ALL"] == service["cap_drop"]
            assert ["/tmp"] == service["tmpfs"]
        assert ["127.0.0.1:8080:8080"] == COMPOSE["services"]["api"]["ports"]

    def test_has_no_password(self) -> None:
        """Every secret comes from outside, and its absence stops the start."""
        for service in COMPOSE["services"].values():
            for name, value in service.get("environment", {}).items():
                assert not re.search("PASSWORD|SECRET|ACCESS_KEY", name) or str(value).startswith("${"), name


class TestManifests:
    def test_list_each_other(self) -> None:
        """Every manifest is in the list, and its settings are settings."""
        kustomization = MANIFESTS["kustomization"]
        literals = [line.partition("=") for line in kustomization["configMapGenerator"][0]["literals"]]
        values = {name: value for name, _, value in literals}

        assert {*kustomization["resources"], "kustomization.yaml"} == {f"{name}.yaml" for name in MANIFESTS}
        assert set() == set(values) - {setting.name for setting in SETTINGS} - OF_THE_SDK
        make_plan(Settings(values | {"PULUMI_DATABASE_USER_PASSWORD": "a"}))

    @pytest.mark.parametrize("name", ["deployment", "migrations"])
    def test_run_without_rights(self, name: str) -> None:
        """Containers run as the image's user, without capabilities, on a read-only root."""
        spec = MANIFESTS[name]["spec"]["template"]["spec"]
        (container,) = spec["containers"]

        assert (True, 65532) == (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["runAsUser"])
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert ["ALL"] == container["securityContext"]["capabilities"]["drop"]

    def test_ask_addresses_that_answer(self) -> None:
        """Probes ask what the server has: life without the database, readiness with it."""
        (container,) = MANIFESTS["deployment"]["spec"]["template"]["spec"]["containers"]

        assert "/healthz" == container["livenessProbe"]["httpGet"]["path"]
        assert "/api/status" == container["readinessProbe"]["httpGet"]["path"]


class TestCollectors:
    @pytest.mark.parametrize("path", sorted((INFRA / "collector").glob("*.yaml")), ids=lambda path: path.stem)
    def test_connect_what_they_declare(self, path: Path) -> None:
        """Every part that a pipeline names is declared, and every declared part is in a pipeline."""
        document = yaml.safe_load(path.read_text("utf-8"))
        pipelines = document["service"]["pipelines"].values()

        for kind in ("receivers", "processors", "exporters"):
            assert set(document[kind]) == {name for pipeline in pipelines for name in pipeline[kind]}

    def test_scrape_as_the_server_wants_it(self) -> None:
        """The collector sends the scheme that `/metrics` asks for."""
        document = yaml.safe_load((INFRA / "collector" / "scrape.yaml").read_text("utf-8"))
        (job,) = document["receivers"]["prometheus"]["config"]["scrape_configs"]

        assert "webhook-token" == job["authorization"]["type"]


def _works(builder: str) -> bool:
    return subprocess.run([builder, "info"], capture_output=True, timeout=60, check=False).returncode == 0
