"""What `stackhold doctor` finds: the settings in force without secrets, the drivers in use, and what is wrong."""

import os
import platform
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from common.config.audit_table import open_audit_table
from common.config.database import database_place, open_database_at
from common.config.master_key import LOCAL, chosen
from common.config.object_stores import BATCHES, CHECKPOINTS, METADATA, POLICY_PACKS, open_stores
from common.config.public_urls import has_tls, listening_port
from common.config.setting import Kind, Setting, Status, has_credentials
from common.config.setting_groups import require_groups
from common.config.setting_notices import notices
from common.config.settings import SETTINGS, Settings
from common.core.clock import SystemClock
from common.core.errors import StartUpError
from common.crypto import service_keys
from common.db import health, migrate
from common.db.engine import Database
from common.installation.backups import status as backups
from common.installation.backups.model import BackupStatus
from common.installation.warnings import find_warnings, response_times
from functions.server import startup
from functions.server.listener import tls_context
from functions.server.mode import mode_of

# Longer values are certificates, lists, or keys in the wrong place.
LONGEST_SHOWN = 200


class Finding(msgspec.Struct, frozen=True, rename="camel"):
    """What there is to say, and whether the server could start as things are."""

    release: str
    python: str
    system: str
    settings: dict[str, str]
    in_use: dict[str, str]
    keys: list[str]
    response_times: list[str]
    warnings: list[str]
    problems: list[str]
    is_well: bool

    @property
    def lines(self) -> list[str]:
        """Return the lines to show."""
        shown = [f"  {name} = {value}" for name, value in self.settings.items()] or ["  none: everything is at its default"]
        lines = [f"stackhold {self.release}, Python {self.python}, {self.system}", "", "Settings that are set", *shown]
        lines += ["", "In use", *(f"  {what}: {which}" for what, which in self.in_use.items())]
        lines += [f"  {line}" for line in (*self.keys, *self.response_times)]
        if self.warnings:
            lines += ["", "Warnings", *(f"  {warning}" for warning in self.warnings)]
        return [*lines, "", "Problems", *(f"  {problem}" for problem in self.problems or ["none"])]


def examine(settings: Settings, release: str, environment: Mapping[str, str] | None = None) -> Finding:
    """Return what there is to say about an installation, after the trials of a start; changes nothing.

    The environment has names that are no settings too; without it, settings that have no effect are looked for alone.
    """
    problems, keys, warnings, times = _problems(settings)
    return Finding(
        release=release,
        python=platform.python_version(),
        system=platform.system(),
        settings={setting.name: _shown(settings, setting) for setting in SETTINGS if settings.is_set(setting)},
        in_use=_in_use(settings),
        keys=keys,
        response_times=times,
        warnings=[*notices(settings.as_env() if environment is None else environment), *warnings],
        problems=problems,
        is_well=not problems,
    )


def _in_use(settings: Settings) -> dict[str, str]:
    """Return what each part of the server works with, as far as it can be told."""
    facts: dict[str, str] = {"mode": mode_of(settings), "data folder": str(settings.data_folder)}
    for names, look in (
        (["address"], _address),
        (["database"], _database),
        (["states", "large batches", "policy packs", "large configuration"], _stores),
        (["key"], lambda settings: [chosen(settings).words]),
        (["last good backup"], _backup),
        (["audit log"], _audit_log),
    ):
        try:
            facts |= dict(zip(names, look(settings), strict=True))
        except StartUpError:
            facts |= dict.fromkeys(names, "see the problems below")
    return facts


def _problems(settings: Settings) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return what would keep the server from starting, and lines about master keys, warnings and response times."""
    may_migrate = settings.migrate_at_start
    problems, keys, times, warnings = list[str](), list[str](), list[str](), list[str]()
    for check in (require_groups, tls_context, _require_audit_table):
        try:
            check(settings)
        except StartUpError as error:
            problems.append(str(error))
    try:
        with startup.checked(settings, may_migrate=may_migrate) as installation:
            keys = _keys(installation)
            # Connecting to an empty file would already write to it.
            db = None if installation.is_new else installation.db
            if db is not None:
                problems += _database_problems(db)
            warnings = find_warnings(settings, db)
            times = list(response_times(settings, db)) if db is not None else []
            if db is not None and (status := backups.find_status(db, SystemClock(), settings.backup_days)):
                warnings += status.warnings
    except StartUpError as error:
        problems.append(str(error))
        warnings = warnings or find_warnings(settings, None)
    return list(dict.fromkeys(problems)), keys, warnings, times


def _database_problems(db: Database) -> list[str]:
    """Return how a migrated database would misunderstand us. A start that migrates finds that out afterwards."""
    try:
        if migrate.state_of(migrate.version(db)) is migrate.State.CURRENT:
            health.require_fit(db)
    except StartUpError as error:
        return [str(error)]
    return []


def _keys(installation: startup.Checked) -> list[str]:
    """Return a line for the key that wraps, by its full name, and for each key that data keys still need."""
    if installation.keys is None or installation.is_new:
        return []
    current = installation.keys.check()
    counts = service_keys.count_by_master_key(installation.db, installation.keys)
    lines = [f"key in use: {current}"]
    for name, count in counts.items():
        keys = "1 data key" if count == 1 else f"{count} data keys"
        lines.append(f"wrapped by {name}: {keys}{'' if name == current else '; keep it enabled'}")
    return lines


def _require_audit_table(settings: Settings) -> None:
    """Raise StartUpError unless audit logs can be copied to their table and read there. A start does not look at it."""
    table = open_audit_table(settings)
    if table is not None and (problems := table.find_problems()):
        raise StartUpError(f"{Settings.audit_logs_dynamo_table}: {'; '.join(problems)}")


def _audit_log(settings: Settings) -> list[str]:
    table = open_audit_table(settings)
    return [f"DynamoDB table {table.name}, and the database" if table is not None else "the database"]


def _backup(settings: Settings) -> list[str]:
    status = _backup_status(settings)
    return ["none" if status is None or status.last_good is None else status.last_good.words]


def _backup_status(settings: Settings) -> BackupStatus | None:
    """Return how the backups stand, or None where there are no tables of this release."""
    place = database_place(settings)
    if isinstance(place, Path) and not (place.exists() and place.stat().st_size):
        return None
    with closing(open_database_at(place, settings)) as db:
        return backups.find_status(db, SystemClock(), settings.backup_days)


def _stores(settings: Settings) -> list[str]:
    stores = open_stores(settings)
    return [stores[purpose].words for purpose in (CHECKPOINTS, BATCHES, POLICY_PACKS, METADATA)]


def _address(settings: Settings) -> list[str]:
    host, port = settings.host, listening_port(settings)
    taken = " (in use at the moment, by this server or another program)" if _answers(host, port) else ""
    return [f"{'https' if has_tls(settings) else 'http'}://{host}:{port}{taken}"]


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _database(settings: Settings) -> list[str]:
    place = database_place(settings)
    if isinstance(place, Path):
        if not (place.exists() and place.stat().st_size):
            return [f"SQLite, {place}, created at the first start"]
        name = f"SQLite, {place}"
    else:
        name = f"MySQL, {place.host}:{place.port}/{place.database} as {place.user}, {'verified TLS' if place.tls else 'no TLS'}"
    with closing(open_database_at(place, settings)) as db:
        revision, warning = migrate.version(db), health.advice(db)
    state = f"revision {revision or 'none'} (this release: {migrate.HEAD}, {migrate.state_of(revision)})"
    return [f"{name}, {state}{f'. {warning}' if warning else ''}"]


def _shown(settings: Settings, setting: Setting[Any]) -> str:
    """Return a value as it may be shown: no secret, and nothing that may be one."""
    shown = "(set, not shown)" if _may_be_secret(settings, setting) else settings.text(setting)
    return shown if setting.status is Status.USED else f"{shown}  [{setting.status}]"


def _may_be_secret(settings: Settings, setting: Setting[Any]) -> bool:
    value = settings.text(setting)
    if setting is LOCAL or (setting.is_pem and setting.kind is Kind.TEXT):  # What is no path may be the key itself.
        return not os.path.lexists(value)
    return setting.kind is Kind.SECRET or len(value) > LONGEST_SHOWN or not value.isprintable() or has_credentials(setting, value)
