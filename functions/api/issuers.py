"""Issuers of identity tokens, their policies, and the token endpoint."""

from fastapi import APIRouter, Response

from common.access import exchange
from functions.deps import BodyDep, reply

router = APIRouter()


@router.post("/api/oauth/token")
def exchange_token(body: BodyDep) -> Response:
    refusal = exchange.refusal(body.text)
    return reply(refusal, refusal.code)
