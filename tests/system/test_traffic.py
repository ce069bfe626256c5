"""Traffic of a service: rules, splits, sticky keys and shadows, set, seen and explained."""

import collections
import json
import time

import numpy
import pytest
import requests
import tritonclient.grpc as triton

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
DATA = [1, 2, 3, 4]
GENEROUS_S = 30


@pytest.fixture(scope="module")
def centre(slipway_module):
    """Service `linear` with revision 1 (model a), 2 (b) and 3 (a with threads: other settings)."""
    for tag, model in (("a", "linear_a.onnx"), ("b", "linear_b.onnx")):
        slipway_module.cli("push", MODELS / model, f"linear:{tag}")
    slipway_module.cli("deploy", "linear:a")
    slipway_module.cli("traffic", "set", "linear", "1=100%")
    slipway_module.cli("upgrade", "linear", "linear:b")
    slipway_module.cli("upgrade", "linear", "linear:a", "--threads", "1")
    return slipway_module


def body(parameters=None):
    request = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": DATA}]}
    if parameters:
        request["parameters"] = parameters
    return request


def ask(centre, path="/v2/models/linear/infer", headers=None, parameters=None):
    """The number of the revision that answers."""
    answer = requests.post(centre.inference_url + path, json=body(parameters), headers=headers,
                           timeout=GENEROUS_S)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["model_version"])


def ask_grpc(centre, **options):
    row = triton.InferInput("x", [1, 4], "FP32")
    row.set_data_from_numpy(numpy.array([DATA], numpy.float32))
    with triton.InferenceServerClient(centre.grpc_address) as client:
        return int(client.infer("linear", [row], **options).get_response().model_version)


def service_url(centre, name="linear"):
    return f"{centre.api_url}/api/v1/projects/default/services/{name}"


def patch(centre, traffic):
    return requests.patch(service_url(centre), json={"spec": {"traffic": traffic}},
                          headers=centre.headers, timeout=GENEROUS_S)


def set_traffic(centre, traffic):
    """Replaces the whole of it, and waits until the service has all revisions that it names."""
    assert patch(centre, None).status_code == 200
    answer = patch(centre, traffic)
    assert answer.status_code == 200, answer.text
    generation = answer.json()["metadata"]["generation"]

    def in_effect():
        status = requests.get(service_url(centre), headers=centre.headers,
                              timeout=GENEROUS_S).json()["status"]
        told = {one["type"]: one["status"] for one in status["conditions"]}
        return status["observedGeneration"] >= generation and told.get("Traffic") == "True"

    programs.wait_until(in_effect, "all revisions that the traffic names")
    # The status is the control centre's word; the data plane has read it when it does so.
    wanted = {part["revision"] for part in traffic.get("split", []) if part.get("weight", 1) > 0}
    if wanted:
        programs.wait_until(lambda: {ask(centre) for _ in range(5)} <= wanted, "the new split")


def explain(centre, *arguments):
    return json.loads(centre.cli("traffic", "explain", "linear", *arguments, "-o", "json").stdout)


def test_a_new_revision_gets_nothing_that_the_split_does_not_give(centre):
    set_traffic(centre, {"split": [{"revision": 1}]})
    done = centre.cli("upgrade", "linear", "linear:b", "--threads", "1")
    assert "gets nothing of the default route until `slipway traffic set linear 4=100%`" in \
        done.stderr
    assert {ask(centre) for _ in range(20)} == {1}
    assert ask(centre, "/v2/models/linear/versions/4/infer") == 4
    back = centre.cli("rollback", "linear")
    assert "slipway traffic set linear 5=100%" in back.stderr
    assert {ask(centre) for _ in range(20)} == {1}


def test_weights_hold_and_are_shown(centre):
    set_traffic(centre, {"split": [{"revision": 1, "weight": 7500},
                                   {"revision": 2, "weight": 2500}]})
    session = requests.Session()  # one connection, so one core
    counts = collections.Counter(
        session.post(centre.inference_url + "/v2/models/linear/infer", json=body(),
                     timeout=GENEROUS_S).json()["model_version"] for _ in range(400))
    assert abs(counts["2"] - 100) <= 5, counts
    shown = centre.cli("traffic", "show", "linear").stdout
    rows = {line.split()[0]: line for line in shown.splitlines()}
    assert "75 %" in rows["1"] and "25 %" in rows["2"]
    status = centre.cli("get", "service", "linear", "-o", "json").stdout
    assert "revision 1 gets 75 %, revision 2 gets 25 %" in status


def test_a_change_is_there_soon_after_it_was_answered(centre):
    set_traffic(centre, {"split": [{"revision": 1}, {"revision": 2, "weight": 0}]})
    slowest = 0.0
    for number in range(20):
        wanted = 2 - number % 2
        answer = patch(centre, {"split": [{"revision": wanted},
                                          {"revision": 3 - wanted, "weight": 0}]})
        assert answer.status_code == 200
        begin = time.monotonic()
        programs.wait_until(lambda wanted=wanted: ask(centre) == wanted, "the change",
                            interval_s=0.002)
        slowest = max(slowest, time.monotonic() - begin)
    print(f"slowest change: {slowest * 1000:.0f} ms")


RULES = {
    "rules": [
        {"name": "beta", "when": [{"header": "X-Group", "in": ["beta", "staff"]}],
         "split": [{"revision": 2}]},
        {"name": "country", "when": [{"body": "parameters.country", "regex": "N[LO]"},
                                     {"header": "x-old", "exact": "yes", "not": True}],
         "split": [{"revision": 3}]},
        {"name": "grpc", "when": [{"path": True, "prefix": "/inference."},
                                  {"body": "/id", "prefix": "try-"}],
         "split": [{"revision": 2}]},
        {"name": "query", "when": [{"query": "v", "contains": "w x"}], "split": [{"revision": 3}]},
    ],
    "split": [{"revision": 1}],
}


def test_rules_over_rest_and_grpc(centre):
    set_traffic(centre, RULES)
    assert ask(centre) == 1
    assert ask(centre, headers={"x-group": "staff"}) == 2
    assert ask(centre, parameters={"country": "NL"}) == 3
    assert ask(centre, parameters={"country": "NL"}, headers={"x-old": "yes"}) == 1
    assert ask(centre, parameters={"country": "NLX"}) == 1
    assert ask(centre, "/v2/models/linear/infer?v=w%20x") == 3
    assert ask(centre, "/v2/models/linear/versions/1/infer", headers={"x-group": "beta"}) == 1
    assert ask_grpc(centre) == 1
    assert ask_grpc(centre, headers={"x-group": "beta"}) == 2
    assert ask_grpc(centre, parameters={"country": "NO"}) == 3
    assert ask_grpc(centre, request_id="try-7") == 2
    assert ask_grpc(centre, model_version="1", headers={"x-group": "beta"}) == 1


def test_explanations_are_what_happens(centre, tmp_path):
    set_traffic(centre, RULES)
    plain = explain(centre)
    assert plain["revision"] == 1
    assert [rule["verdict"] for rule in plain["rules"]] == ["not matched"] * 4
    beta = explain(centre, "--header", "X-GROUP=beta")
    assert (beta["revision"], beta["route"]) == (2, "beta")
    assert [rule["verdict"] for rule in beta["rules"]] == ["matched"] + ["not reached"] * 3
    assert beta["rules"][0]["conditions"] == [
        {"condition": 'header X-Group is one of "beta", "staff"', "value": "beta", "held": True}]
    request = tmp_path / "x.json"
    request.write_text(json.dumps(body({"country": "NL"})))
    country = explain(centre, "--body", request)
    assert (country["revision"], country["route"]) == (3, "country")
    assert explain(centre, "--query", "v=w%20x")["route"] == "query"
    version = explain(centre, "--path", "/v2/models/linear/versions/3/infer")
    assert version["revision"] == 3 and "no rule" in version["reason"]
    text = centre.cli("traffic", "explain", "linear", "--body", request).stdout
    assert "rule beta: not matched" in text and "rule country: matched" in text
    assert text.rstrip().splitlines()[-1].startswith("revision 3: rule country")


def test_a_key_stays_and_explain_knows_where(centre):
    sticky = {"cookie": "user"}
    set_traffic(centre, {"sticky": sticky, "split": [{"revision": 1, "weight": 6000},
                                                     {"revision": 2, "weight": 4000},
                                                     {"revision": 3, "weight": 0}]})
    users = [f"user-{number}" for number in range(60)]

    def revisions():
        return [ask(centre, headers={"Cookie": f"a=b; user={user}"}) for user in users]

    before = revisions()
    assert before == revisions()
    assert set(before) == {1, 2}
    for user, revision in list(zip(users, before))[:5]:
        assert explain(centre, "--key", user)["revision"] == revision
        assert explain(centre, "--header", f"cookie=user={user}")["revision"] == revision
        assert ask_grpc(centre, headers={"cookie": f"user={user}"}) == revision
    assert explain(centre)["revision"] == 0
    answer = patch(centre, {"split": [{"revision": 1, "weight": 3000},
                                      {"revision": 2, "weight": 2000},
                                      {"revision": 3, "weight": 5000}]})
    assert answer.status_code == 200
    programs.wait_until(lambda: 3 in revisions(), "the new split")
    after = revisions()
    assert all(now in (3, then) for then, now in zip(before, after))


def metric(centre, name, version):
    text = requests.get(centre.metrics_url, timeout=GENEROUS_S).text
    for line in text.splitlines():
        if line.startswith(name + "{") and f'version="{version}"' in line:
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def test_a_shadow_is_compared(centre):
    set_traffic(centre, {"split": [{"revision": 1}], "shadow": {"revision": 2}})
    mismatches = "slipway_shadow_mismatches_total"
    programs.wait_until(lambda: ask(centre) == 1 and metric(centre, mismatches, 2) >= 5,
                        "mismatches of the shadow")
    before = metric(centre, mismatches, 2)
    programs.wait_until(lambda: ask_grpc(centre) == 1 and metric(centre, mismatches, 2) > before,
                        "mismatches over gRPC")
    assert metric(centre, "slipway_shadow_max_difference", 2) > 0
    assert metric(centre, "slipway_shadow_errors_total", 2) == 0
    # Revision 3 is the same model as 1.
    set_traffic(centre, {"split": [{"revision": 1}], "shadow": {"revision": 3}})
    copies = "slipway_shadow_requests_total"
    programs.wait_until(lambda: ask(centre) == 1 and metric(centre, copies, 3) >= 10,
                        "copies of the requests")
    assert metric(centre, "slipway_shadow_mismatches_total", 3) == 0
    assert explain(centre)["shadow"] == {"revision": 3, "weight": 10000, "ready": True}


@pytest.mark.parametrize("traffic, field, words", [
    ({"split": [{"revision": 1, "weight": 0}, {"revision": 2, "weight": 14000}]},
     "spec.traffic.split[1].weight", "0 to 10000, got 14000"),
    ({"split": [{"revision": 1, "weight": 9000}]}, "spec.traffic.split", "got 9000"),
    ({"split": [{"revision": 99}]}, "spec.traffic.split[0].revision", "no revision 99"),
    ({"shadow": {"revision": 77}}, "spec.traffic.shadow.revision", "no revision 77"),
    ({"rules": [{"name": "r", "when": [{"header": "a", "regex": "(("}],
                 "split": [{"revision": 1}]}]}, "spec.traffic.rules[0].when[0].regex", "RE2"),
    ({"rules": [{"name": "r", "when": [{"header": "a", "exact": "b", "colour": 1}],
                 "split": [{"revision": 1}]}]}, "spec.traffic.rules[0].when[0].colour", "colour"),
    ({"sticky": {"header": "a", "query": "b"}}, "spec.traffic.sticky", "exactly one"),
])
def test_bad_traffic_is_refused_and_changes_nothing(centre, traffic, field, words):
    set_traffic(centre, {"split": [{"revision": 1}]})
    answer = patch(centre, traffic)
    assert answer.status_code == 400, answer.text
    assert answer.json()["field"] == field
    assert words in answer.json()["detail"]
    now = json.loads(centre.cli("traffic", "show", "linear", "-o", "json").stdout)
    assert [part["revision"] for part in now["split"]] == [1]


@pytest.mark.parametrize("arguments, words", [
    (["set", "linear", "1"], "REVISION=WEIGHT"),
    (["set", "linear", "1=x"], "REVISION=WEIGHT"),
    (["set", "linear", "1=99%"], "add up to 10000, got 9900"),
    (["set", "linear", "1=0.001%"], "REVISION=WEIGHT"),
    (["set", "linear", "88=100%"], "no revision 88"),
    (["set", "nothing", "1=100%"], "nothing"),
    (["explain", "nothing"], "nothing"),
    (["explain", "linear", "--header", "x"], "NAME=VALUE"),
    (["show", "site/local"], "only services have traffic"),
])
def test_mistakes_on_the_command_line(centre, arguments, words):
    done = centre.cli("traffic", *arguments, check=False)
    assert done.returncode != 0
    assert words in done.stderr


def test_it_survives_restarts_and_ends(centre):
    set_traffic(centre, {"split": [{"revision": 1, "weight": 0}, {"revision": 2}]})
    centre.kill()
    assert {ask(centre) for _ in range(10)} == {2}
    centre.start()
    assert {ask(centre) for _ in range(10)} == {2}
    centre.cli("traffic", "clear", "linear")
    latest = json.loads(centre.cli("get", "service", "linear", "-o", "json").stdout)
    latest = latest["status"]["latestRevision"]
    programs.wait_until(lambda: ask(centre) == latest, "the newest revision")
    # One that was retired is loaded again when it is named.
    programs.wait_until(
        lambda: "Retired" in centre.cli("get", "revision", "linear-2").stdout, "its end")
    centre.cli("traffic", "set", "linear", "2=100%")
    programs.wait_until(lambda: ask(centre) == 2, "revision 2 again")
