"""Searching model versions: `where` of the API, as programs ask it."""

import pytest
import requests

import other_tools
import programs

ONNX = (programs.ROOT / "tests/fixtures/models/linear_a.onnx").read_bytes()


@pytest.fixture(scope="module")
def centre(slipway_module):
    push(slipway_module, "fraud", "v1", {"accuracy": "0.88"}, labels={"team": "risk"})
    push(slipway_module, "fraud", "v2", {"accuracy": "0.93", "recall": "0.7"},
         labels={"team": "risk"}, hyper={"lr": "0.001"})
    retag(slipway_module, "fraud", "v2", "latest")
    push(slipway_module, "shop", "v1", {"accuracy": "0.99"}, labels={"team": "Vision"})
    push(slipway_module, "long", "v1", {f"metric-{i}": "1" for i in range(300)},
         description="d" * 2000)
    wait_inspected(slipway_module, 4)
    return slipway_module


def push(centre, name, tag, metrics, labels=None, hyper=None, **more):
    config = {"author": "Ada", "framework": "PyTorch", "format": "ONNX", "labels": labels or {},
              "metrics": {"training": [{"name": key, "value": value}
                                       for key, value in metrics.items()]},
              "hyperParameters": [{"name": key, "value": value}
                                  for key, value in (hyper or {}).items()], **more}
    return other_tools.push_ormb(centre, f"default/{name}", tag, config, {"model.onnx": ONNX})


def retag(centre, name, old, new):
    url = f"{centre.api_url}/v2/default/{name}/manifests"
    manifest = requests.get(f"{url}/{old}", headers=centre.headers, timeout=60)
    done = requests.put(f"{url}/{new}", data=manifest.content, timeout=60,
                        headers={**centre.headers,
                                 "Content-Type": manifest.headers["Content-Type"]})
    assert done.status_code == 201, done.text


def wait_inspected(centre, count):
    def all_inspected():
        items = centre_list(centre)["items"]
        return len(items) == count and all(item["status"].get("phase") for item in items)
    programs.wait_until(all_inspected, "all versions to be inspected")


def centre_list(centre, path="projects/default/modelversions", **query):
    answer = requests.get(f"{centre.api_url}/api/v1/{path}", params=query, headers=centre.headers,
                          timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(centre, where, **query):
    """The versions that match: repositories and digests."""
    items = centre_list(centre, where=where, **query)["items"]
    return sorted((item["spec"]["repository"], item["metadata"]["name"]) for item in items)


def repositories(centre, where):
    return [repository for repository, _ in found(centre, where)]


def problem(centre, where, path="projects/default/modelversions", **query):
    answer = requests.get(f"{centre.api_url}/api/v1/{path}", params={"where": where, **query},
                          headers=centre.headers, timeout=60)
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json()


def test_what_is_asked_for_is_found(centre):
    both = ["default/fraud", "default/shop"]
    # ormb keeps figures as texts: they are compared as the numbers that they are.
    assert repositories(centre, "metrics.accuracy > 0.9 and format = ONNX") == both
    assert repositories(centre, "metrics.training.accuracy >= 0.93 and labels.team = vision") == [
        "default/shop"]
    assert repositories(centre, "metrics.accuracy > 0.9 and not has metrics.recall") == [
        "default/shop"]
    assert repositories(centre, "hyperParameters.lr = 1e-3") == ["default/fraud"]
    assert repositories(centre, "repository ~ 'default/f*' and metrics.accuracy < 0.9") == [
        "default/fraud"]
    assert len(found(centre, "model = fraud")) == 2
    assert len(found(centre, "size > 100B and size < 1MB and framework ~ torch")) == 4
    assert found(centre, "createdAt < 2020-01-01") == []


def test_tags_are_those_of_this_moment(centre):
    assert len(found(centre, "tag = latest")) == 1
    assert found(centre, "tag = latest") == found(centre, "model = fraud and tag = v2")
    assert len(found(centre, "tag in (v1, v2)")) == 4
    assert repositories(centre, "tag != v1") == ["default/fraud"]
    retag(centre, "shop", "v1", "moving")
    assert repositories(centre, "tag = moving") == ["default/shop"]
    gone = requests.delete(f"{centre.api_url}/v2/default/shop/manifests/moving",
                           headers=centre.headers, timeout=60)
    assert gone.status_code == 202
    assert found(centre, "tag = moving") == []


def test_what_was_cut_is_no_silent_no(centre):
    answer = centre_list(centre, where="metrics.metric-299 = 1")
    assert answer["items"] == []
    undecided = answer["metadata"]["undecided"]
    assert len(undecided) == 1 and undecided[0].startswith("default/long-")
    # What is there of it decides, and so do members that are whole.
    assert repositories(centre, "metrics.metric-0 = 1") == ["default/long"]
    assert "undecided" not in centre_list(centre, where="metrics.metric-0 = 1")["metadata"]
    assert "undecided" not in centre_list(centre, where="framework = keras")["metadata"]


def test_all_projects_labels_and_pages(centre):
    everywhere = centre_list(centre, "modelversions", where="metrics.accuracy > 0.9")
    assert len(everywhere["items"]) == 2
    assert len(centre_list(centre, where="metrics.accuracy > 0.9",
                           label="model=fraud")["items"]) == 1
    first = centre_list(centre, where="tag ~ v", limit=1)
    token = first["metadata"]["continue"]
    second = centre_list(centre, where="tag ~ v", limit=1, **{"continue": token})
    assert first["items"] != second["items"]
    assert problem(centre, "tag ~ x", **{"continue": token})["reason"] == "CONTINUE_INVALID"


def test_wrong_expressions_are_told_where_they_are_wrong(centre):
    unknown = problem(centre, "format = onnx and metric.accuracy > 1")
    assert unknown["reason"] == "WHERE_FIELD_UNKNOWN" and unknown["field"] == "where"
    assert unknown["detail"].startswith('where: column 19: there is no field "metric.accuracy"')
    assert "hyperParameters" in unknown["detail"] and "parents.digest" in unknown["detail"]
    for where, column in [("format =", 9), ("(format = a", 12), ("size > x", 8), ("a\x01", 2),
                          ("format = 'x", 10), ("metrics > 1", 1), ("(" * 5000, 1),
                          ("(" * 1000, 33)]:
        wrong = problem(centre, where)
        assert wrong["reason"] == "WHERE_INVALID", where
        assert wrong["detail"].startswith(f"where: column {column}: "), wrong["detail"]


def test_where_is_of_lists_of_versions_alone(centre):
    assert problem(centre, "has tag", "projects/default/services")["reason"] == "QUERY_UNKNOWN"
    assert problem(centre, "has tag", watch=1)["reason"] == "WHERE_WATCHED"
    document = requests.get(f"{centre.api_url}/openapi.json", headers=centre.headers,
                            timeout=60).json()
    parameters = document["paths"]["/api/v1/projects/{project}/modelversions"]["get"]["parameters"]
    assert "where" in [parameter["name"] for parameter in parameters]
    services = document["paths"]["/api/v1/projects/{project}/services"]["get"]["parameters"]
    assert "where" not in [parameter["name"] for parameter in services]


def test_a_reader_of_one_project_searches_only_that(centre):
    token = centre.cli("token", "create", "reader", "--role", "viewer", "--project", "default")
    headers = {"Authorization": f"Bearer {token.stdout.strip()}"}
    mine = requests.get(f"{centre.api_url}/api/v1/projects/default/modelversions",
                        params={"where": "has tag"}, headers=headers, timeout=60)
    assert mine.status_code == 200
    everywhere = requests.get(f"{centre.api_url}/api/v1/modelversions",
                              params={"where": "has tag"}, headers=headers, timeout=60)
    assert everywhere.status_code == 403
