"""Steps that find the environments that have a changed revision from now on, since they import it."""

from sqlalchemy import Connection

from common.environments.events import EnvironmentEvent, EventName, ImportedRevision
from common.environments.model import LATEST
from common.environments.repository import listing

_LIMIT = 1_000


def list_import_events(connection: Connection, event: EnvironmentEvent) -> list[EnvironmentEvent]:
    """Return an event for each environment that imports a revision by the name that means another one from now on."""
    # No permission check in this module: the job tells those who may have webhooks.
    if event.name == EventName.REVISION_CREATED:
        version = LATEST
    elif event.name == EventName.REVISION_TAG_UPDATED:
        version = event.tag
    else:
        return []
    importers = listing.list_importers(connection, event.org_id, event.project, event.environment, version, _LIMIT)
    imported = ImportedRevision(event.project, event.environment, event.revision or 0)
    return [
        EnvironmentEvent(
            name=EventName.IMPORT_CHANGED,
            environment_id=importer.id,
            org_id=event.org_id,
            org=event.org,
            project=importer.project,
            environment=importer.name,
            user_id=event.user_id,
            affected_revisions=tuple(importer.revisions),
            imported=imported,
        )
        for importer in importers
    ]
