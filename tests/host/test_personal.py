"""Settings and workspaces of one's own, asked of a real server: whose they are, where, and nobody else's."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from jupyter_totp_auth.core.model import Role
from jupyter_totp_auth.core.rights import ALL
from jupyter_totp_auth.web.personal import FOLDER, MOST_BYTES, MOST_FILES
from tests.harness.backstage import Backstage, backstage
from tests.harness.canary import note
from tests.harness.client import Client
from tests.harness.server import JupyterServer

THEMES = "@jupyterlab/apputils-extension:themes"
LOCALE = "@jupyterlab/translation-extension:plugin"
FILE = "@jupyterlab/apputils-extension/themes.jupyterlab-settings"
SHARED = '{"theme": "JupyterLab Dark"}'


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backstage]:
    arguments = ["--TotpAuth.personal_settings=True"]
    with (
        JupyterServer(tmp_path_factory.mktemp("own"), app="lab", arguments=arguments) as server,
        backstage(server) as opened,
    ):
        (settings(server) / FILE).parent.mkdir(parents=True)
        (settings(server) / FILE).write_text(SHARED)
        yield opened


_numbers = iter(range(1000))


@pytest.fixture
def ada(stage: Backstage) -> Client:
    return somebody(stage)


@pytest.fixture
def bob(stage: Backstage) -> Client:
    return somebody(stage)


def somebody(stage: Backstage, role: Role = Role.MEMBER) -> Client:
    name = f"person{next(_numbers)}"
    stage.enrolled(name, role=role)
    return stage.signed_in(name)


def settings(server: JupyterServer) -> Path:
    return server.home / "config" / "lab" / "user-settings"


def workspaces(server: JupyterServer) -> Path:
    return server.home / "config" / "lab" / "workspaces"


def id_of(stage: Backstage, browser: Client) -> str:
    return stage.services.accounts.named(browser.get("api/totp/me").json()["username"]).id


def theme(browser: Client) -> str:
    raw: str = browser.get(f"lab/api/settings/{THEMES}").json()["raw"]
    return str(json.loads(raw).get("theme"))


def put_theme(browser: Client, name: str) -> int:
    raw = json.dumps({"theme": name})
    return browser.request("PUT", f"lab/api/settings/{THEMES}", json={"raw": raw}).status_code


def put_workspace(browser: Client, name: str, **data: object) -> int:
    body = {"data": data, "metadata": {"id": name}}
    return browser.request("PUT", f"lab/api/workspaces/{name}", json=body).status_code


def data_of(browser: Client, name: str) -> object:
    return browser.get(f"lab/api/workspaces/{name}").json()["data"]


def test_each_begins_with_what_all_have_shared_and_goes_on_alone(ada: Client, bob: Client) -> None:
    assert (theme(ada), theme(bob)) == ("JupyterLab Dark", "JupyterLab Dark")
    assert put_theme(ada, "JupyterLab Light") == 204
    assert (theme(ada), theme(bob)) == ("JupyterLab Light", "JupyterLab Dark")


def test_the_shared_ones_stay_as_they_were_and_own_folders_are_the_servers_users_alone(
    stage: Backstage, ada: Client
) -> None:
    assert put_theme(ada, "JupyterLab Light") == 204
    assert (settings(stage.server) / FILE).read_text() == SHARED
    own = settings(stage.server) / FOLDER / id_of(stage, ada)
    assert "Light" in (own / FILE).read_text()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (own, own.parent)] == [0o700, 0o700]
    assert [path.name for path in own.parent.iterdir() if path.name.startswith(".")] == []


def test_a_default_is_a_default_again_and_not_what_others_share(ada: Client) -> None:
    assert ada.request("PUT", f"lab/api/settings/{THEMES}", json={"raw": "{}"}).status_code == 204
    assert theme(ada) == "None"


def test_the_language_is_ones_own(ada: Client, bob: Client) -> None:
    raw = json.dumps({"locale": "fr_FR"})
    assert ada.request("PUT", f"lab/api/settings/{LOCALE}", json={"raw": raw}).status_code == 204
    assert "fr_FR" in ada.get(f"lab/api/settings/{LOCALE}").json()["raw"]
    assert "fr_FR" not in bob.get(f"lab/api/settings/{LOCALE}").json()["raw"]


def test_workspaces_are_apart_listed_apart_and_begin_empty(
    stage: Backstage, ada: Client, bob: Client
) -> None:
    workspaces(stage.server).mkdir(parents=True, exist_ok=True)
    for browser, number in ((ada, 1), (bob, 2)):
        assert data_of(browser, "default") == {}
        assert put_workspace(browser, "default", number=number) == 204
    assert (data_of(ada, "default"), data_of(bob, "default")) == ({"number": 1}, {"number": 2})
    assert put_workspace(ada, "course") == 204
    listed = [browser.get("lab/api/workspaces").json()["workspaces"]["ids"] for browser in (ada, bob)]
    assert [sorted(ids) for ids in listed] == [["course", "default"], ["default"]]
    assert bob.request("DELETE", "lab/api/workspaces/course").status_code == 404
    assert ada.request("DELETE", "lab/api/workspaces/course").status_code == 204
    assert (workspaces(stage.server) / FOLDER / id_of(stage, ada)).is_dir()
    assert list(workspaces(stage.server).glob("*.jupyterlab-workspace")) == []


def test_a_token_acts_as_its_person(stage: Backstage, ada: Client) -> None:
    made = ada.request("POST", "api/totp/access-tokens", json={"name": "x", "scopes": [ALL]}).json()["token"]
    note("access-token", made)
    assert put_theme(ada, "JupyterLab Light") == 204
    bearing = {"Authorization": f"token {made}"}
    found = requests.get(f"{stage.url}lab/api/settings/{THEMES}", headers=bearing, timeout=30)
    assert "Light" in found.json()["raw"]


def test_a_reader_writes_ones_own_and_nothing_else(stage: Backstage) -> None:
    reader = somebody(stage, Role.READER)
    assert put_theme(reader, "JupyterLab Light") == 204
    assert put_workspace(reader, "default", number=1) == 204
    assert theme(reader) == "JupyterLab Light"
    answer = reader.request(
        "PUT", "api/contents/x.txt", json={"type": "file", "format": "text", "content": ""}
    )
    assert (answer.status_code, answer.json()["reason"]) == (403, "role")
    answer = reader.request("PATCH", "api/config/notebook", json={"a": 1})
    assert (answer.status_code, answer.json()["reason"]) == (403, "role")


@pytest.mark.parametrize(
    "path",
    [
        "lab/api/settings/..%2F{other}%2F@jupyterlab%2Fapputils-extension:themes",
        "lab/api/settings/@jupyterlab/..%2f..%2f{other}%2f@jupyterlab%2fapputils-extension:themes",
        "lab/api/settings/%2e%2e/{other}/@jupyterlab/apputils-extension:themes",
        "lab/api/settings/totp-accounts/{other}/@jupyterlab/apputils-extension:themes",
        "lab/api/workspaces/..%2F{other}%2Fdefault",
    ],
)
def test_no_name_of_a_setting_or_a_workspace_leads_to_somebody_else(
    stage: Backstage, ada: Client, bob: Client, path: str
) -> None:
    assert put_theme(bob, "JupyterLab Light") == 204
    assert put_workspace(bob, "default", number=2) == 204
    asked = f"{ada.url}{path.format(other=id_of(stage, bob))}"
    raw = json.dumps({"theme": "JupyterLab Dark"})
    with requests.Session() as plain:
        plain.cookies.update(ada.session.cookies)
        headers = {"X-XSRFToken": ada.xsrf, "Origin": ada.origin}
        prepared = plain.prepare_request(requests.Request("PUT", asked, json={"raw": raw}, headers=headers))
        prepared.url = asked  # as it is, not as a client would tidy it up
        assert plain.send(prepared, timeout=30).status_code in (400, 403, 404)
    assert (theme(bob), data_of(bob, "default")) == ("JupyterLab Light", {"number": 2})


def test_first_requests_at_once_find_one_whole_copy(stage: Backstage, ada: Client) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: theme(ada), range(24)))
    assert found == {"JupyterLab Dark"}
    folder = settings(stage.server) / FOLDER
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_cannot_be_made_changes_nobody_elses(stage: Backstage, ada: Client) -> None:
    place = settings(stage.server) / FOLDER / id_of(stage, ada)
    place.parent.mkdir(exist_ok=True)
    place.write_text("in the way")
    assert theme(ada) == "None"
    assert put_theme(ada, "JupyterLab Light") == 500
    assert (settings(stage.server) / FILE).read_text() == SHARED
    assert f"the folder {place} cannot be made" in stage.log
    place.unlink()
    assert theme(ada) == "JupyterLab Dark"


def test_there_is_an_end_to_what_a_reader_may_keep(stage: Backstage) -> None:
    reader = somebody(stage, Role.READER)
    much = "x" * (MOST_BYTES * 2 // 5)
    assert put_workspace(reader, "one", layout=much) == 204
    assert put_workspace(reader, "two", layout=much) == 204
    assert put_workspace(reader, "three", layout=much) == 413
    assert put_workspace(reader, "four", layout="x") == 204
    assert put_theme(reader, "JupyterLab Dark") == 204  # in the other folder
    assert reader.request("DELETE", "lab/api/workspaces/one").status_code == 204
    assert put_workspace(reader, "three", layout=much) == 204
    folder = workspaces(stage.server) / FOLDER / id_of(stage, reader)
    for number in range(MOST_FILES):
        (folder / str(number)).touch()
    assert put_workspace(reader, "five", layout="x") == 413


def test_nothing_is_answered_without_a_login(stage: Backstage) -> None:
    for path in (f"lab/api/settings/{THEMES}", "lab/api/workspaces/default"):
        assert requests.get(f"{stage.url}{path}", timeout=30).status_code == 403


def test_what_a_deleted_account_leaves_is_read_by_nobody(stage: Backstage, ada: Client) -> None:
    assert put_theme(ada, "JupyterLab Light") == 204
    left = settings(stage.server) / FOLDER / id_of(stage, ada)
    name = ada.get("api/totp/me").json()["username"]
    stage.services.accounts.delete(name, actor="operator")
    assert left.is_dir()
    stage.enrolled(name)
    again = stage.signed_in(name)
    assert id_of(stage, again) != left.name
    assert theme(again) == "JupyterLab Dark"
