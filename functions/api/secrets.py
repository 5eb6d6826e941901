"""Value encryption for stacks (state.md 8) and projects."""

from fastapi import APIRouter, Response

from common.stacks.service import project_secrets, secrets
from common.wire import secrets as wire
from functions.http.bodies import BodyDep
from functions.http.deps import (
    BackendDep,
    CallerDep,
    PlainValuesBodyDep,
    ProjectValuesBodyDep,
    SealedValuesBodyDep,
    StackPathDep,
    empty,
    reply,
)

router = APIRouter()
_STACK = "/api/stacks/{org}/{project}/{stack}"
_PROJECT = "/api/projects/{org}/{project}"


@router.post(f"{_STACK}/encrypt")
def encrypt_value(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: PlainValuesBodyDep) -> Response:
    request = body.decode(wire.EncryptValueRequest)
    return reply(wire.EncryptValueResponse(secrets.encrypt(backend, caller, path, request.plaintext or b"")))


@router.post(f"{_STACK}/decrypt")
def decrypt_value(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: SealedValuesBodyDep) -> Response:
    request = body.decode(wire.DecryptValueRequest)
    return reply(wire.DecryptValueResponse(secrets.decrypt(backend, caller, path, request.ciphertext or "")))


@router.post(f"{_STACK}/batch-encrypt")
def batch_encrypt_value(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: PlainValuesBodyDep) -> Response:
    plaintexts = [plaintext or b"" for plaintext in body.decode(wire.BatchEncryptRequest).plaintexts or ()]
    return reply(wire.BatchEncryptResponse(secrets.batch_encrypt(backend, caller, path, plaintexts)))


@router.post(f"{_STACK}/batch-decrypt")
def batch_decrypt_value(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: SealedValuesBodyDep) -> Response:
    ciphertexts = [ciphertext or "" for ciphertext in body.decode(wire.BatchDecryptRequest).ciphertexts or ()]
    return reply(wire.BatchDecryptResponse(secrets.batch_decrypt(backend, caller, path, ciphertexts)))


@router.post(f"{_STACK}/decrypt/log-decryption")
@router.post(f"{_STACK}/decrypt/log-batch-decryption")
def log_decryption(backend: BackendDep, caller: CallerDep, path: StackPathDep, body: BodyDep) -> Response:
    body.decode(wire.Log3rdPartyDecryptionEvent)
    secrets.log_decryption(backend, caller, path)
    return empty()


@router.post(f"{_PROJECT}/encrypt")
def encrypt_project_value(backend: BackendDep, caller: CallerDep, org: str, project: str, body: ProjectValuesBodyDep) -> Response:
    plaintext = body.decode(wire.EncryptValueRequest).plaintext or b""
    return reply(wire.EncryptValueResponse(project_secrets.encrypt(backend, caller, org, project, plaintext)))


@router.post(f"{_PROJECT}/decrypt")
def decrypt_project_value(backend: BackendDep, caller: CallerDep, org: str, project: str, body: ProjectValuesBodyDep) -> Response:
    ciphertext = body.decode(wire.DecryptValueRequest).ciphertext or ""
    return reply(wire.DecryptValueResponse(project_secrets.decrypt(backend, caller, org, project, ciphertext)))


@router.post(f"{_PROJECT}/batch-decrypt")
def batch_decrypt_project_value(
    backend: BackendDep, caller: CallerDep, org: str, project: str, body: ProjectValuesBodyDep
) -> Response:
    ciphertexts = [ciphertext or "" for ciphertext in body.decode(wire.BatchDecryptRequest).ciphertexts or ()]
    return reply(wire.BatchDecryptResponse(project_secrets.batch_decrypt(backend, caller, org, project, ciphertexts)))
