"""Pages of providers."""

from fastapi import APIRouter

router = APIRouter()
