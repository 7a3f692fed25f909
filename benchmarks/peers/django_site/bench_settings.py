"""A Django site as small as it gets: sessions and users in its database, as Django does it by itself."""

import os

BASE = os.environ["BENCH_DJANGO_HOME"]
SECRET_KEY = "for-benchmarks-on-loopback-alone"  # noqa: S105 - of a throw-away site
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bench_front"
LOGIN_URL = "/login"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{BASE}/site.sqlite3"}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
