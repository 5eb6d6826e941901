"""Addresses of the archives of policy packs, which clients upload and download without an access token.

The object store gives them where it can. A folder cannot: then the address is one of this server, signed and with an end.
"""

from common.backend import Backend
from common.config.public_urls import api_url
from common.core.errors import BadRequest, NotFound
from common.crypto import signed_links
from common.ports.blobs import UploadLink

UPLOAD_SECONDS = 15 * 60
DOWNLOAD_SECONDS = 60 * 60
_UPLOAD, _DOWNLOAD = "upload-policy-pack", "download-policy-pack"
_PATH = "/api/policy-archives/"


def upload_link(backend: Backend, key: str) -> UploadLink:
    """Return an address that accepts the archive under a key."""
    # No permission check in this module: the callers made it, and the addresses are signed.
    link = backend.policy_packs.upload_link(key, UPLOAD_SECONDS)
    return link or UploadLink(_own(backend, _UPLOAD, key, UPLOAD_SECONDS))


def download_link(backend: Backend, key: str) -> str:
    """Return an address that serves the archive under a key."""
    return backend.policy_packs.link(key, DOWNLOAD_SECONDS) or _own(backend, _DOWNLOAD, key, DOWNLOAD_SECONDS)


def require_upload(backend: Backend, signed: str) -> str:
    """Return the key that an address of this server accepts an archive for; raises Forbidden."""
    return signed_links.require_signed(backend, _UPLOAD, signed)


def store(backend: Backend, key: str, archive: bytes) -> None:
    """Store the archive that came to an address of this server."""
    if not archive:
        raise BadRequest("the archive of the policy pack is empty")
    backend.policy_packs.put_file(key, archive)


def load(backend: Backend, signed: str) -> bytes:
    """Return the archive of an address of this server; Forbidden for another address, NotFound for a deleted archive."""
    key = signed_links.require_signed(backend, _DOWNLOAD, signed)
    if backend.policy_packs.find_size(key) is None:
        raise NotFound("this version of the policy pack was deleted")
    return backend.policy_packs.get_stored(key)


def _own(backend: Backend, action: str, key: str, seconds: int) -> str:
    return f"{api_url(backend.settings)}{_PATH}{signed_links.sign(backend, action, key, seconds)}"
