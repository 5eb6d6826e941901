"""Calls of scim."""

from fastapi import APIRouter

router = APIRouter()
