"""A Django site in front: it looks who it is, and forwards the request to Jupyter with an HTTP library."""

import os
from threading import local

import requests
from django.contrib.auth.decorators import login_required
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import re_path

JUPYTER = os.environ["BENCH_JUPYTER"]
TOKEN = os.environ["BENCH_JUPYTER_TOKEN"]
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "content-encoding",
    "content-length",
}
_here = local()


@login_required
def forward(request, path):
    """The same request with Jupyter's token, and its answer. There is no WebSocket in it."""
    if not hasattr(_here, "session"):
        _here.session = requests.Session()
    asked = {name: value for name, value in request.headers.items() if name not in ("Host", "Cookie")}
    asked["Authorization"] = f"token {TOKEN}"
    answer = _here.session.request(
        request.method,
        JUPYTER + path,
        params=request.GET,
        data=request.body,
        headers=asked,
        allow_redirects=False,
        timeout=60,
    )
    response = HttpResponse(answer.content, status=answer.status_code)
    for name, value in answer.headers.items():
        if name.lower() not in HOP_BY_HOP:
            response[name] = value
    return response


urlpatterns = [re_path(r"^(?P<path>.*)$", forward)]
application = get_wsgi_application()
