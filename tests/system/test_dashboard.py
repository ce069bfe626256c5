"""deploy/grafana: each metric that the dashboard asks for is served, with its labels."""

import json
import re

import pytest
import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
DASHBOARD = json.loads((programs.ROOT / "deploy/grafana/slipway.json").read_text())
METRIC = re.compile(r"\b(?:nv|slipway)_\w+")
REQUEST = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}


@pytest.fixture(scope="module")
def served(slipway_module):
    """{metric: names of its labels} after a good and a bad request."""
    centre = slipway_module
    centre.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    centre.cli("deploy", "linear:v1")
    url = centre.inference_url + "/v2/models/linear/infer"
    assert requests.post(url, json=REQUEST, timeout=60).status_code == 200
    assert requests.post(url, json={"inputs": []}, timeout=60).status_code == 400
    text = (requests.get(centre.metrics_url, timeout=60).text +
            requests.get(centre.api_url + "/metrics", headers=centre.headers, timeout=60).text)
    found = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def expressions():
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


@pytest.mark.parametrize("title,expr", list(expressions()))
def test_panels_ask_for_what_is_served(served, title, expr):
    names = METRIC.findall(expr)
    assert names, title
    for name in names:
        assert name in served, name
        for group in re.findall(r"by \(([^)]*)\) \(?(?:rate\()?" + name, expr):
            missing = set(group.replace(" ", "").split(",")) - served[name] - {"instance"}
            assert not missing, (name, missing)


def test_variables_and_panels_are_well_formed(served):
    for variable in DASHBOARD["templating"]["list"][1:]:
        query = variable["query"]["query"]
        (name, label) = re.match(r"label_values\((\w+).*, (\w+)\)", query).groups()
        assert label in served[name]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    cells = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in DASHBOARD["panels"]]
    assert len(cells) == len(set(cells))
