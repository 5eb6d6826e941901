"""Pages of sso."""

from fastapi import APIRouter

router = APIRouter()
