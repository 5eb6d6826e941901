"""Value encryption for stacks (state.md 8)."""

from fastapi import APIRouter, Response

from common.stacks import secrets
from common.wire.secrets import (
    BatchDecryptRequest,
    BatchEncryptRequest,
    DecryptValueRequest,
    EncryptValueRequest,
    Log3rdPartyDecryptionEvent,
)
from functions.http.bodies import BodyDep
from functions.http.deps import BackendDep, CallerDep, PlainValuesBodyDep, SealedValuesBodyDep, StackPathDep, empty, reply

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"


@router.post(f"{_STACK}/encrypt")
def encrypt_value(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: PlainValuesBodyDep) -> Response:
    return reply(secrets.encrypt(backend, caller, path, body.decode(EncryptValueRequest)))


@router.post(f"{_STACK}/decrypt")
def decrypt_value(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: SealedValuesBodyDep) -> Response:
    return reply(secrets.decrypt(backend, caller, path, body.decode(DecryptValueRequest)))


@router.post(f"{_STACK}/batch-encrypt")
def batch_encrypt_value(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: PlainValuesBodyDep) -> Response:
    return reply(secrets.batch_encrypt(backend, caller, path, body.decode(BatchEncryptRequest)))


@router.post(f"{_STACK}/batch-decrypt")
def batch_decrypt_value(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: SealedValuesBodyDep) -> Response:
    return reply(secrets.batch_decrypt(backend, caller, path, body.decode(BatchDecryptRequest)))


@router.post(f"{_STACK}/decrypt/log-decryption")
@router.post(f"{_STACK}/decrypt/log-batch-decryption")
def log_decryption(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    body.decode(Log3rdPartyDecryptionEvent)
    secrets.log_decryption(backend, caller, path)
    return empty()
