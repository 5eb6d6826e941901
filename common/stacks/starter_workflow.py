"""Writes the pipeline of a CI system that previews and updates a stack. No I/O.

The text is a start for people to change, so it has one job for proposals and one for the main branch, and no more.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from common.core.errors import BadRequest
from common.stacks.model import StackPath

_DIRECTORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,254}")
_MAIN = "main"
_TOKEN = "PULUMI_ACCESS_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a pipeline runs: a stack, the runtime of its program, the folder in the repository, the server's address."""

    path: StackPath
    runtime: str
    directory: str
    filters_paths: bool
    server: str


@dataclass(frozen=True, slots=True)
class _Runtime:
    """How a program's dependencies are installed: a step of GitHub, an image of GitLab, a task of Azure, a command."""

    action: dict[str, Any]
    image: str
    task: dict[str, Any]
    install: str


_RUNTIMES = {
    "nodejs": _Runtime(
        {"uses": "actions/setup-node@v4", "with": {"node-version": "22"}},
        "pulumi/pulumi-nodejs:latest",
        {"task": "UseNode@1", "inputs": {"version": "22.x"}},
        "npm install",
    ),
    "python": _Runtime(
        {"uses": "actions/setup-python@v5", "with": {"python-version": "3.13"}},
        "pulumi/pulumi-python:latest",
        {"task": "UsePythonVersion@0", "inputs": {"versionSpec": "3.13"}},
        "pulumi install",
    ),
    "go": _Runtime(
        {"uses": "actions/setup-go@v5", "with": {"go-version": "stable"}},
        "pulumi/pulumi-go:latest",
        {"task": "GoTool@0", "inputs": {"version": "1.25"}},
        "go mod download",
    ),
    "dotnet": _Runtime(
        {"uses": "actions/setup-dotnet@v4", "with": {"dotnet-version": "8.0.x"}},
        "pulumi/pulumi-dotnet:latest",
        {"task": "UseDotNet@2", "inputs": {"version": "8.0.x"}},
        "dotnet restore",
    ),
    "java": _Runtime(
        {"uses": "actions/setup-java@v4", "with": {"distribution": "temurin", "java-version": "21"}},
        "pulumi/pulumi-java:latest",
        {
            "task": "JavaToolInstaller@0",
            "inputs": {"versionSpec": "21", "jdkArchitectureOption": "x64", "jdkSourceOption": "PreInstalled"},
        },
        "pulumi install",
    ),
}


def write_workflow(ci_system: str, pipeline: Pipeline) -> str:
    """Return the text of a pipeline. BadRequest for a CI system that is not known, or a folder outside of the repository."""
    write = _WRITERS.get(ci_system.strip().lower())
    if write is None:
        raise BadRequest(f"there is no starter workflow for {ci_system[:40]!a}; ciSystem may be {', '.join(sorted(_WRITERS))}")
    directory = pipeline.directory.strip().removeprefix("./").strip("/")
    if directory and (not _DIRECTORY.fullmatch(directory) or ".." in directory.split("/")):
        raise BadRequest("workingDirectory must be a folder of the repository, such as `infra`")
    document = write(pipeline, "" if directory == "." else directory)
    return yaml.safe_dump(document, sort_keys=False, width=1_000)


def _github(pipeline: Pipeline, directory: str) -> dict[str, Any]:
    runtime = _RUNTIMES.get(pipeline.runtime)
    trigger: dict[str, Any] = {"branches": [_MAIN]}
    if pipeline.filters_paths and directory:
        trigger["paths"] = [f"{directory}/**"]

    def job(command: str, condition: str) -> dict[str, Any]:
        install = {"run": runtime.install, "working-directory": directory or "."} if runtime else None
        inputs = {
            "command": command,
            "stack-name": str(pipeline.path),
            "work-dir": directory or ".",
            "cloud-url": pipeline.server,
            "comment-on-pr": command == "preview",
        }
        steps = [{"uses": "actions/checkout@v4"}, runtime.action if runtime else None, {"uses": "pulumi/actions@v6"}, install]
        steps.append({"uses": "pulumi/actions@v6", "with": inputs})
        return {"if": condition, "runs-on": "ubuntu-latest", "steps": [step for step in steps if step]}

    return {
        "name": f"Pulumi {pipeline.path}",
        "on": {"push": trigger, "pull_request": dict(trigger)},
        "permissions": {"contents": "read", "pull-requests": "write"},
        "env": {_TOKEN: f"${{{{ secrets.{_TOKEN} }}}}"},
        "jobs": {
            "preview": job("preview", "github.event_name == 'pull_request'"),
            "update": job("up", "github.event_name == 'push'"),
        },
    }


def _commands(pipeline: Pipeline, directory: str, command: str) -> list[str]:
    runtime = _RUNTIMES.get(pipeline.runtime)
    return [
        f"cd {directory or '.'}",
        f"pulumi login {pipeline.server}",
        *([runtime.install] if runtime else []),
        f"pulumi {command} --stack {pipeline.path} --non-interactive{' --yes' if command == 'up' else ''}",
    ]


def _gitlab(pipeline: Pipeline, directory: str) -> dict[str, Any]:
    runtime = _RUNTIMES.get(pipeline.runtime)
    changes = {"changes": [f"{directory}/**/*"]} if pipeline.filters_paths and directory else {}

    def job(stage: str, command: str, condition: str) -> dict[str, Any]:
        script = _commands(pipeline, directory, command)
        return {"stage": stage, "rules": [{"if": condition, **changes}], "script": script}

    return {
        "image": {"name": runtime.image if runtime else "pulumi/pulumi:latest", "entrypoint": [""]},
        "stages": ["preview", "update"],
        "preview": job("preview", "preview", '$CI_PIPELINE_SOURCE == "merge_request_event"'),
        "update": job("update", "up", "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"),
    }


def _azure(pipeline: Pipeline, directory: str) -> dict[str, Any]:
    runtime = _RUNTIMES.get(pipeline.runtime)
    trigger: dict[str, Any] = {"branches": {"include": [_MAIN]}}
    if pipeline.filters_paths and directory:
        trigger["paths"] = {"include": [directory]}

    def step(command: str, reason: str) -> dict[str, Any]:
        script = "\n".join(_commands(pipeline, directory, command))
        return {"script": script, "condition": reason, "env": {_TOKEN: f"$({_TOKEN})"}}

    is_proposal = "eq(variables['Build.Reason'], 'PullRequest')"
    return {
        "trigger": trigger,
        "pr": dict(trigger),
        "pool": {"vmImage": "ubuntu-latest"},
        "steps": [
            *([runtime.task] if runtime else []),
            {"script": "curl -fsSL https://get.pulumi.com | sh && echo '##vso[task.prependpath]'$HOME/.pulumi/bin"},
            step("preview", f"and(succeeded(), {is_proposal})"),
            step("up", f"and(succeeded(), not({is_proposal}))"),
        ],
    }


_WRITERS: dict[str, Callable[[Pipeline, str], dict[str, Any]]] = {
    "azure-devops": _azure,
    "github": _github,
    "github-actions": _github,
    "gitlab": _gitlab,
    "gitlab-ci": _gitlab,
}
