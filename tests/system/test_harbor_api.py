"""The routes of Harbor's API that Klever's web page uses, as its requests are."""

import concurrent.futures

import pytest
import requests

from test_klever_api import MODEL, TIMEOUT_S, admin, make_token, onnx_zip
from test_registry import MODELS


class Harbor:
    """/api/v2.0 with one token (None: nobody's), by Basic as Harbor's clients send it."""

    def __init__(self, centre, token):
        self.root = centre.api_url + "/api/v2.0"
        self.session = requests.Session()
        if token:
            self.session.auth = ("anyone", token)

    def __call__(self, method, path, **options):
        return self.session.request(method, self.root + path, timeout=TIMEOUT_S, **options)

    def get(self, path, **params):
        answer = self("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(name="harbor")
def harbor_of_admin(slipway_module):
    return Harbor(slipway_module, slipway_module.token)


def code(answer):
    (error,) = answer.json()["errors"]
    assert error["message"]
    return error["code"]


def test_projects(slipway_module, harbor):
    made = harbor("POST", "/projects", json={"project_name": "gates",
                                             "metadata": {"public": "true"}})
    assert made.status_code == 201
    again = harbor("POST", "/projects", json={"project_name": "gates"})
    assert (again.status_code, code(again)) == (409, "CONFLICT")
    bad = harbor("POST", "/projects", json={"project_name": "No Name"})
    assert (bad.status_code, code(bad)) == (400, "BAD_REQUEST")
    by_id = requests.get(slipway_module.api_url + made.headers["Location"],
                         auth=harbor.session.auth, timeout=TIMEOUT_S).json()
    assert by_id == harbor.get("/projects/gates")
    assert by_id["name"] == "gates" and by_id["metadata"] == {"public": "true"}
    assert 0 < by_id["project_id"] < 1 << 31 and by_id["repo_count"] == 0
    assert by_id["current_user_role_id"] == 1
    assert harbor("HEAD", "/projects?project_name=gates").status_code == 200
    assert harbor("HEAD", "/projects?project_name=gate").status_code == 404
    by_name = harbor("GET", f"/projects/{by_id['project_id']}",
                     headers={"X-Is-Resource-Name": "true"})
    assert (by_name.status_code, code(by_name)) == (404, "NOT_FOUND")
    # Public: anybody may pull.
    slipway_module.cli("push", MODELS / "linear_a.onnx", "gates/linear:v1")
    assert requests.get(slipway_module.api_url + "/v2/gates/linear/tags/list",
                        timeout=TIMEOUT_S).ok
    full = harbor("DELETE", "/projects/gates")
    assert (full.status_code, code(full)) == (412, "PRECONDITION")
    assert harbor("DELETE", "/projects/gates/repositories/linear").status_code == 200
    assert harbor("DELETE", f"/projects/{by_id['project_id']}").status_code == 200
    assert harbor("GET", "/projects/gates").status_code == 404


def test_pages_of_projects(slipway_module, harbor):
    for number in range(25):
        harbor("POST", "/projects", json={"project_name": f"page-{number:02}"})
    names, path, seen = [], "/projects?name=page-&page_size=10", 0
    while path:
        answer = harbor("GET", path)
        assert answer.headers["X-Total-Count"] == "25"
        names += [project["name"] for project in answer.json()]
        link = answer.links.get("next", {}).get("url", "")
        path = link.removeprefix("/api/v2.0")
        seen += 1
    assert (seen, names) == (3, [f"page-{number:02}" for number in range(25)])
    assert len(harbor.get("/projects", page=2, page_size=10, q="name=~page-")) == 10
    for query in ("page=0", "page_size=101", "page=x"):
        assert harbor("GET", "/projects?" + query).status_code == 400
    some = Harbor(slipway_module, make_token(slipway_module, "pager", "--project", "page-03",
                                             "--role", "viewer"))
    answer = some("GET", "/projects")
    assert answer.headers["X-Total-Count"] == "1"
    assert [project["name"] for project in answer.json()] == ["page-03"]
    assert some("HEAD", "/projects?project_name=page-04").status_code == 404


def test_repositories_artifacts_and_tags(slipway_module, harbor):
    centre, caller = slipway_module, admin(slipway_module)
    harbor("POST", "/projects", json={"project_name": "vision"})
    assert caller.upload(onnx_zip(), ("vision", "gate%2Fdetector", "v1"), MODEL).ok
    centre.cli("push", MODELS / "linear_b.onnx", "vision/gate/detector:v2")
    centre.cli("push", MODELS / "linear_b.onnx", "vision/plain:1")
    names = [one["name"] for one in harbor.get("/projects/vision/repositories")]
    assert names == ["vision/gate/detector", "vision/plain"]
    found = harbor.get("/projects/vision/repositories", q="name=~plain")
    assert [one["name"] for one in found] == ["vision/plain"]
    base = "/projects/vision/repositories/gate%252Fdetector"
    one = harbor.get(base)
    assert one == harbor.get("/projects/vision/repositories/gate%2Fdetector")
    assert one["artifact_count"] == 2 and one["creation_time"]
    artifacts = harbor.get(base + "/artifacts", with_tag="true", with_label="true")
    assert [artifact["tags"][0]["name"] for artifact in artifacts] == ["v2", "v1"]
    ormb = artifacts[1]
    assert (ormb["type"], ormb["extra_attrs"]["format"]) == ("MODEL", "ONNX")
    assert ormb["extra_attrs"]["framework"] == "PyTorch" and ormb["push_time"]
    assert ormb["media_type"].startswith("application/vnd.caicloud.model.config")
    assert "pull_time" not in ormb
    raw = requests.get(f"{centre.api_url}/v2/vision/gate/detector/manifests/v1",
                       headers=centre.headers, timeout=TIMEOUT_S)
    parts = raw.json()
    assert ormb["size"] == (len(raw.content) + parts["config"]["size"]
                            + parts["layers"][0]["size"])
    assert harbor.get(base + "/artifacts/v1") == ormb
    assert harbor.get(f"{base}/artifacts/{ormb['digest']}") == ormb
    assert "tags" not in harbor.get(base + "/artifacts/v1", with_tag="false")

    tags = base + "/artifacts/v1/tags"
    assert harbor("POST", tags, json={"name": "stable"}).status_code == 201
    again = harbor("POST", tags, json={"name": "v2"})
    assert (again.status_code, code(again)) == (409, "CONFLICT")
    assert [tag["name"] for tag in harbor.get(tags)] == ["stable", "v1"]
    assert harbor.get(tags)[0]["artifact_id"] == ormb["id"]
    # Of many who give two artifacts one tag at the same time, one does.
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda number: harbor(
            "POST", f"{base}/artifacts/v{1 + number % 2}/tags",
            json={"name": "raced"}).status_code, range(16)))
    assert sorted(given) == [201] + [409] * 15
    winner = f"v{1 + given.index(201) % 2}"
    assert harbor("DELETE", f"{base}/artifacts/{winner}/tags/raced").status_code == 200
    other = harbor("DELETE", base + "/artifacts/v2/tags/stable")
    assert (other.status_code, code(other)) == (404, "NOT_FOUND")
    assert harbor("DELETE", tags + "/stable").status_code == 200
    assert [tag["name"] for tag in harbor.get(tags)] == ["v1"]
    assert harbor("DELETE", base + "/artifacts/v1").status_code == 200
    gone = harbor("GET", base + "/artifacts/v1")
    assert (gone.status_code, code(gone)) == (404, "NOT_FOUND")
    assert harbor.get(base)["artifact_count"] == 1


def test_what_is_served_is_not_deleted(slipway):
    harbor = Harbor(slipway, slipway.token)
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    slipway.cli("deploy", "linear:v1")
    for path in ("/artifacts/v1", ""):
        answer = harbor("DELETE", "/projects/default/repositories/linear" + path)
        assert (answer.status_code, code(answer)) == (409, "CONFLICT"), answer.text
    assert harbor.get("/projects/default/repositories/linear")["artifact_count"] == 1


def test_who_may_what(slipway_module, harbor):
    centre = slipway_module
    harbor("POST", "/projects", json={"project_name": "guard"})
    centre.cli("push", MODELS / "linear_a.onnx", "guard/linear:v1")
    callers = {"nobody": None,
               "viewer": make_token(centre, "h-viewer", "--project", "guard", "--role", "viewer"),
               "editor": make_token(centre, "h-editor", "--project", "guard", "--role", "editor"),
               "stranger": make_token(centre, "h-stranger", "--project", "default",
                                      "--role", "admin")}
    one = "/projects/guard/repositories/linear"
    reads = ["/projects/guard/repositories", one, one + "/artifacts", one + "/artifacts/v1",
             one + "/artifacts/v1/tags"]
    for who, token in callers.items():
        caller = Harbor(centre, token)
        for path in reads:
            status = {"nobody": 401, "stranger": 403}.get(who, 200)
            assert caller("GET", path).status_code == status, (who, path)
        assert caller("GET", "/projects/guard").status_code == {
            "nobody": 401, "stranger": 404}.get(who, 200)
        assert caller("POST", "/projects", json={"project_name": "more"}).status_code == (
            401 if who == "nobody" else 403)
        assert caller("DELETE", "/projects/guard").status_code == (
            401 if who == "nobody" else 403)
        assert caller("POST", one + "/artifacts/v1/tags",
                      json={"name": f"by-{who}"}).status_code == {
                          "nobody": 401, "editor": 201}.get(who, 403)
        for path in (one, one + "/artifacts/v1", one + "/artifacts/v1/tags/v1"):
            if who != "editor":
                assert caller("DELETE", path).status_code == (401 if who == "nobody" else 403)
    editor = Harbor(centre, callers["editor"])
    assert editor("DELETE", one).status_code == 200


def test_the_server_says_what_it_is(slipway_module, harbor):
    nobody = Harbor(slipway_module, None)
    assert nobody("GET", "/ping").text == "Pong"
    assert nobody.get("/health")["status"] == "healthy"
    unknown = nobody("GET", "/systeminfo")
    assert (unknown.status_code, code(unknown)) == (401, "UNAUTHORIZED")
    assert unknown.headers["WWW-Authenticate"].startswith("Basic")
    assert harbor.get("/systeminfo")["harbor_version"].startswith("slipway ")
    me = harbor.get("/users/current")
    assert (me["username"], me["sysadmin_flag"]) == ("admin", True)
    nothing = harbor("GET", "/replication/policies")
    assert (nothing.status_code, code(nothing)) == (404, "NOT_FOUND")


def test_artifacts_of_many_tags(slipway_module, harbor):
    """A list shows some tags of each artifact, its own list all of them, in pages."""
    centre = slipway_module
    harbor("POST", "/projects", json={"project_name": "many"})
    centre.cli("push", MODELS / "linear_a.onnx", "many/tags:first")
    centre.cli("push", MODELS / "linear_b.onnx", "many/tags:other")
    url = f"{centre.api_url}/v2/many/tags/manifests/"
    body = requests.get(url + "first", headers=centre.headers, timeout=30)
    digest = body.headers["Docker-Content-Digest"]
    names = [f"v{number:04}" for number in range(2_048)]
    for begin in range(0, len(names), 64):
        query = "&".join(f"tag={name}" for name in names[begin:begin + 64])
        answer = requests.put(f"{url}{digest}?{query}", data=body.content, timeout=60,
                              headers={**centre.headers,
                                       "Content-Type": body.headers["Content-Type"]})
        assert answer.status_code == 201, answer.text
    base = "/projects/many/repositories/tags/artifacts"
    artifacts = harbor.get(base)
    assert [artifact["digest"] == digest for artifact in artifacts] == [True, False]
    assert [tag["name"] for tag in artifacts[0]["tags"]] == ["first", *names[:99]]
    assert [tag["name"] for tag in artifacts[1]["tags"]] == ["other"]
    page = harbor("GET", f"{base}/{digest}/tags?page=20&page_size=100")
    assert page.headers["X-Total-Count"] == str(len(names) + 1)
    assert [tag["name"] for tag in page.json()] == names[1_899:1_999]
    last = harbor("GET", f"{base}/{digest}/tags?page=21&page_size=100")
    assert [tag["name"] for tag in last.json()] == names[1_999:]
