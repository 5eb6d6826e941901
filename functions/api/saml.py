"""Calls of saml."""

from fastapi import APIRouter

router = APIRouter()
