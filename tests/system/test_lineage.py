"""Lineage, history and differences of models: API and command line."""

import json
import sqlite3

import pytest
import requests

import other_tools
import programs

MODELS = programs.ROOT / "tests/fixtures/models"


def write_model(folder, metadata, weights="linear_a.onnx"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes((MODELS / weights).read_bytes())
    (folder / "model.yaml").write_text(json.dumps({"apiVersion": "slipway/v1", **metadata}))
    return folder


def push(centre, folder, reference, metadata=None, **more):
    centre.cli("push", write_model(folder, metadata or {"title": reference}, **more), reference)
    return json.loads(centre.cli("inspect", reference, "-o", "json").stdout)["digest"]


def lineage(centre, reference, *arguments):
    return json.loads(centre.cli("model", "lineage", reference, *arguments, "-o", "json").stdout)


def get(centre, path, headers=None, **query):
    return requests.get(f"{centre.api_url}/api/v1/{path}", params=query,
                        headers=headers or centre.headers, timeout=60)


def path_of(version):
    return f"projects/{version['project']}/modelversions/{version['name']}/lineage"


def names(branches):
    return [branch.get("repository") for branch in branches]


@pytest.fixture(scope="module")
def centre(slipway_module):
    return slipway_module


@pytest.fixture(scope="module")
def family(centre, tmp_path_factory):
    """base -> tuned -> small, and tuned -> other; small also from elsewhere."""
    folder = tmp_path_factory.mktemp("family")
    base = push(centre, folder / "base", "base:v1")
    tuned = push(centre, folder / "tuned", "tuned:v1", {
        "parents": [{"reference": "base:v1", "digest": base, "relation": "fine-tuned"}],
        "datasets": [{"name": "cards", "digest": "sha256:" + "d" * 64}]})
    push(centre, folder / "small", "small:v1", {
        "parents": [{"digest": tuned, "relation": "quantised"},
                    {"reference": "elsewhere.example.com/x/y:v1"}]})
    push(centre, folder / "other", "other:v1", {"parents": [{"reference": "default/tuned:v1"}]})
    return {"base": base, "tuned": tuned}


def test_both_ways(centre, family):
    both = lineage(centre, "tuned:v1")
    assert both["version"]["digest"] == family["tuned"]
    assert both["version"]["tags"] == ["v1"]
    [parent] = both["parents"]
    assert parent["digest"] == family["base"] and parent["by"] == "digest"
    assert parent["relation"] == "fine-tuned" and parent["found"]
    assert both["datasets"] == [{"name": "cards", "digest": "sha256:" + "d" * 64}]
    assert names(both["children"]) == ["default/other", "default/small"]
    assert [child["by"] for child in both["children"]] == ["tag", "digest"]
    assert both["metadata"]["complete"] is True
    up = lineage(centre, "small:v1", "--up")
    assert "children" not in up and "services" not in up
    assert names(up["parents"]) == ["default/tuned", None]
    assert names(up["parents"][0]["parents"]) == ["default/base"]
    assert up["parents"][1]["found"] is False
    assert up["parents"][1]["statedReference"] == "elsewhere.example.com/x/y:v1"
    down = lineage(centre, "base:v1", "--down")
    assert names(down["children"]) == ["default/tuned"]
    assert names(down["children"][0]["children"]) == ["default/other", "default/small"]


def test_depth_ends_where_it_says(centre, family):
    one = lineage(centre, "base:v1", "--down", "--depth", "1")
    assert names(one["children"]) == ["default/tuned"]
    assert one["children"][0]["more"] is True and "children" not in one["children"][0]
    assert one["metadata"]["complete"] is False
    text = centre.cli("model", "lineage", "small:v1", "--up").stdout
    assert "default/tuned:v1" in text and "(quantised)" in text and "[not here]" in text


def test_a_ring_of_names_ends(centre, tmp_path):
    push(centre, tmp_path / "a", "ring-a:v1", {"parents": [{"reference": "ring-b:v1"}]})
    push(centre, tmp_path / "b", "ring-b:v1", {"parents": [{"reference": "ring-a:v1"},
                                                           {"reference": "ring-b:v1"}]})
    up = lineage(centre, "ring-a:v1", "--up", "--depth", "16")
    [parent] = up["parents"]
    assert [branch.get("repeated") for branch in parent["parents"]] == [True, True]
    down = lineage(centre, "ring-a:v1", "--down", "--depth", "16")
    assert down["metadata"]["complete"] is True


def test_children_come_in_pages(centre, tmp_path):
    base = push(centre, tmp_path / "many", "many:v1")
    pusher = other_tools.Pusher(centre, "default/children")
    layer = pusher.blob(b"weights", "application/vnd.cncf.model.weight.v1.raw")
    layer["annotations"] = {"org.cncf.model.filepath": "w.bin"}
    text = json.dumps({"apiVersion": "slipway/v1", "parents": [{"digest": base}]}).encode()
    metadata = pusher.blob(text, "application/vnd.cncf.model.weight.config.v1.raw")
    metadata["annotations"] = {"org.cncf.model.filepath": "model.yaml"}
    config = pusher.blob(b"{}", "application/vnd.cncf.model.config.v1+json")
    for number in range(12):
        pusher.manifest({"schemaVersion": 2, "config": config,
                         "artifactType": "application/vnd.cncf.model.manifest.v1+json",
                         "layers": [layer, metadata],
                         "annotations": {"number": str(number)}}, f"v{number}")
    version = lineage(centre, "many:v1", "--down")
    assert len(version["children"]) == 12
    seen, after = [], ""
    while True:
        page = get(centre, path_of(version["version"]), direction="down", limit=5,
                   **({"continue": after} if after else {})).json()
        assert len(page["children"]) <= 5
        seen += [child["name"] for child in page["children"]]
        after = page["metadata"].get("continue")
        if not after:
            break
        assert page["metadata"]["complete"] is False
    assert sorted(seen) == sorted(child["name"] for child in version["children"])
    assert len(seen) == len(set(seen)) == 12


def test_services_and_revisions_that_use_it(centre, family, tmp_path):
    centre.cli("deploy", "tuned:v1", "--as", "scoring")
    push(centre, tmp_path / "next", "tuned:v2", {"title": "next"}, weights="linear_b.onnx")
    centre.cli("upgrade", "scoring", "tuned:v2")
    [use] = lineage(centre, "tuned:v1")["services"]
    assert (use["service"], use["revision"], use["hasTraffic"]) == ("scoring", 1, False)
    [use] = lineage(centre, "tuned:v2")["services"]
    assert (use["service"], use["revision"], use["hasTraffic"]) == ("scoring", 2, True)
    assert "default/scoring" in centre.cli("model", "lineage", "tuned:v2").stdout


def test_other_projects_are_told_to_those_who_may_read_them(centre, family, tmp_path):
    push(centre, tmp_path / "secret", "secret/derived:v1",
         {"parents": [{"digest": family["base"]}]})
    derived = push(centre, tmp_path / "open", "open-child:v1",
                   {"parents": [{"reference": "secret/derived:v1"}]})
    assert derived
    everything = lineage(centre, "base:v1", "--down")
    assert "secret/derived" in names(everything["children"])
    token = centre.cli("token", "create", "outsider", "--role", "viewer",
                       "--project", "default").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    seen = get(centre, path_of(everything["version"]), headers)
    assert seen.status_code == 200
    assert "secret" not in seen.text
    child = lineage(centre, "open-child:v1", "--up")
    assert child["parents"][0]["found"] is True
    hidden = get(centre, path_of(child["version"]), headers).json()["parents"][0]
    assert hidden == {"found": False, "statedReference": "secret/derived:v1"}
    secret = next(branch for branch in everything["children"]
                  if branch["repository"] == "secret/derived")
    assert get(centre, path_of(secret), headers).status_code == 403
    assert get(centre, path_of(secret), {"Authorization": ""}).status_code == 401


def test_wrong_questions(centre, family):
    version = lineage(centre, "base:v1")["version"]
    for query in ({"depth": 0}, {"depth": 17}, {"limit": 501}, {"direction": "left"}):
        wrong = get(centre, path_of(version), **query)
        assert wrong.status_code == 400, query
        assert wrong.json()["reason"] == "FIELD_RANGE"
    assert get(centre, path_of(version), sideways=1).json()["reason"] == "QUERY_UNKNOWN"
    assert get(centre, "projects/default/modelversions/none/lineage").status_code == 404
    assert get(centre, "projects/default/models/none/history").status_code == 404
    assert centre.cli("model", "lineage", "base:none", check=False).returncode == 3
    assert centre.cli("model", "lineage", "docker.io/x:v1", check=False).returncode != 0
    assert centre.cli("model", "lineage", "base:v1", "--depth", "17", check=False).returncode == 2


def test_history_of_tags(centre, tmp_path):
    first = push(centre, tmp_path / "1", "told:v1", {"title": "one"})
    push(centre, tmp_path / "1", "told:latest", {"title": "one"})
    second = push(centre, tmp_path / "2", "told:latest", {"title": "two"}, weights="linear_b.onnx")
    requests.delete(f"{centre.api_url}/v2/default/told/manifests/v1", headers=centre.headers,
                    timeout=60)
    told = json.loads(centre.cli("model", "history", "told", "-o", "json").stdout)
    assert told["complete"] is True
    assert [(item["change"], item["tag"]) for item in told["items"]] == [
        ("removed", "v1"), ("moved", "latest"), ("set", "latest"), ("set", "v1")]
    moved = told["items"][1]
    assert (moved["before"], moved["digest"]) == (first, second)
    assert moved["by"] == "token/admin"
    assert moved["what"].startswith("+0 -0 ~2 files, ")
    one = json.loads(centre.cli("model", "history", "told:v1", "-o", "json").stdout)
    assert [item["change"] for item in one["items"]] == ["removed", "set"]
    page = get(centre, "projects/default/models/told/history", limit=3).json()
    rest = get(centre, "projects/default/models/told/history", limit=3,
               **{"continue": page["metadata"]["continue"]}).json()
    assert [len(page["items"]), len(rest["items"])] == [3, 1]
    assert "moved" in centre.cli("model", "history", "told").stdout
    assert centre.cli("model", "history", "nothing-of-that", check=False).returncode == 3


def test_differences(centre, tmp_path):
    metrics = {"metrics": {"validation": [{"name": "accuracy", "value": 0.91}]}}
    better = {"metrics": {"validation": [{"name": "accuracy", "value": 0.93}]}, "vendor": "us"}
    push(centre, tmp_path / "a", "cmp:v1", metrics)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/extra.txt").write_text("more")
    push(centre, tmp_path / "b", "cmp:v2", better)
    diff = json.loads(centre.cli("model", "diff", "cmp:v1", "cmp:v2", "-o", "json").stdout)
    assert diff["equal"] is False
    assert [file["path"] for file in diff["files"]["added"]] == ["extra.txt"]
    assert [file["path"] for file in diff["files"]["changed"]] == ["model.yaml"]
    assert diff["metadata"] == [
        {"path": "metrics.validation.accuracy", "before": 0.91, "after": 0.93},
        {"path": "vendor", "after": "us"}]
    assert diff["signature"] == []
    text = centre.cli("model", "diff", "cmp:v1", "cmp:v2", "--metadata").stdout
    assert text == "metadata\n~ metrics.validation.accuracy: 0.91 -> 0.93\n+ vendor: us\n"
    differ = centre.cli("model", "diff", "cmp:v1", "cmp:v2", "--exit-code", check=False)
    assert differ.returncode == 6
    assert centre.cli("model", "diff", "cmp:v1", "cmp:v1", "--exit-code").returncode == 0
    centre.cli("model", "save", tmp_path / "a", "cmp:v1")
    local = json.loads(centre.cli("model", "diff", "cmp:v1", "cmp:v2", "--from-local", "-o",
                                  "json").stdout)
    assert local["metadata"] == diff["metadata"]
    assert centre.cli("model", "diff", "cmp:v1", "cmp:v1", "--local").stdout == ""
    assert centre.cli("model", "diff", "cmp:v1", "cmp:none", check=False).returncode == 3


def test_differences_of_files_in_archives(centre, tmp_path):
    source = tmp_path / "m"
    for path, text in (("a.bin", "a"), ("deep/b.bin", "b"), ("gone.bin", "c")):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    for form in ("modelpack", "ormb", "modelcar"):
        centre.cli("push", source, f"arch:{form}", "--form", form)
    (source / "gone.bin").unlink()
    (source / "deep/b.bin").write_text("other")
    (source / "new.bin").write_text("d")
    centre.cli("push", source, "arch:later", "--form", "ormb")
    centre.cli("model", "pull", "arch:ormb")
    centre.cli("model", "pull", "arch:later")
    for words in (["arch:ormb", "arch:later"], ["arch:ormb", "arch:later", "--local"],
                  ["arch:modelpack", "arch:later"], ["arch:modelcar", "arch:later"],
                  ["arch:ormb", "arch:later", "--from-local"]):
        diff = json.loads(centre.cli("model", "diff", *words, "--files", "-o", "json").stdout)
        files = {kind: [file["path"] for file in found] for kind, found in diff["files"].items()}
        assert files == {"added": ["new.bin"], "removed": ["gone.bin"],
                         "changed": ["deep/b.bin"]}, words
    same = centre.cli("model", "diff", "arch:modelpack", "arch:ormb", "--files", "--exit-code")
    assert (same.returncode, same.stdout) == (0, "")


def test_search_on_the_command_line(centre, tmp_path):
    push(centre, tmp_path / "m", "found:v1",
         {"metrics": {"validation": [{"name": "accuracy", "value": 0.97}]}})
    where = "metrics.accuracy > 0.96 and format = ONNX"
    remote = json.loads(centre.cli("model", "list", "--remote", "--where", where, "-o",
                                   "json").stdout)
    assert [item["spec"]["repository"] for item in remote["items"]] == ["default/found"]
    centre.cli("model", "save", tmp_path / "m", "kept:v1")
    local = json.loads(centre.cli("model", "list", "--where", where, "-o", "json").stdout)
    assert [item["name"] for item in local["items"]] == ["default/kept:v1"]
    none = centre.cli("model", "list", "--where", "metrics.accuracy > 0.98")
    assert none.stdout == ""
    wrong = centre.cli("model", "list", "--where", "metric.x > 1", check=False)
    assert wrong.returncode == 2 and "column 1: there is no field" in wrong.stderr


def test_a_folder_of_format_3_gets_its_index(start_centre, tmp_path):
    centre = start_centre()
    base = push(centre, tmp_path / "base", "base:v1")
    push(centre, tmp_path / "child", "child:v1", {"parents": [{"digest": base}]})
    centre.stop()
    database = sqlite3.connect(centre.data / "slipway.db")
    gone = database.execute("DELETE FROM entries WHERE CAST(key AS TEXT) LIKE 'rx/term%' OR "
                            "CAST(key AS TEXT) LIKE 'registry/move%'").rowcount
    assert gone > 4
    database.execute("PRAGMA user_version = 3")
    database.commit()
    database.close()
    centre.start()
    assert names(lineage(centre, "base:v1", "--down")["children"]) == ["default/child"]
    history = json.loads(centre.cli("model", "history", "base", "-o", "json").stdout)
    assert [item["change"] for item in history["items"]] == ["pushed"]
    assert sqlite3.connect(centre.data / "slipway.db").execute(
        "PRAGMA user_version").fetchone() == (4,)
