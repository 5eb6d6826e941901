"""Keys of the archives of policy packs: no other module builds them, and no name that a user chose is in one."""

UPLOADS = "policy-uploads/"
ARCHIVES = "policy-packs/"


def upload_key(version_id: str) -> str:
    """Return the key that a client stores an archive under before it is checked."""
    return f"{UPLOADS}{version_id}"


def archive_key(archive_id: str) -> str:
    """Return the key of a checked archive, which no client can write to; each attempt to complete a version has its own."""
    return f"{ARCHIVES}{archive_id}"
