"""Jupyter asks Django on every request: the session and its user out of the database, in Django's thread."""

import os

import django
from asgiref.sync import sync_to_async
from jupyter_server.auth.identity import IdentityProvider, User

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench_settings")
django.setup()

from django.contrib.auth import get_user  # noqa: E402 - set up first
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.http import HttpRequest  # noqa: E402


class DjangoIdentity(IdentityProvider):
    """Whoever is signed in at the Django site and belongs to its staff."""

    token = ""

    async def get_user(self, handler):
        key = handler.get_cookie("sessionid")
        return await sync_to_async(staff)(key) if key else None


def staff(key):
    """The user of a session, checked as Django's own middleware does."""
    request = HttpRequest()
    request.session = SessionStore(key)
    user = get_user(request)
    if not (user.is_authenticated and user.is_staff):
        return None
    return User(username=user.username, name=user.get_full_name() or user.username)
