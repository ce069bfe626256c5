"""A canary drives itself: a good revision is promoted, a bad one rolled back with its figures."""

import collections
import json
import threading

import pytest
import requests

import programs

GENEROUS_S = 60
ROW = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
LONG = {"steps": [{"weight": 2000, "hold": "1h"}], "minRequests": 5,
        "conditions": [{"metric": "errorRate", "max": 0.1}]}
SHORT = {"steps": [{"weight": 2000, "hold": "1s"}, {"weight": 6000, "hold": "1s"}],
         "minRequests": 20, "conditions": [{"metric": "errorRate", "max": 0.1}]}


class Load:
    """Asks a service all the time, and counts answers by status and revision."""

    def __init__(self, centre, path="/v2/models/m/infer"):
        self.url = centre.inference_url + path
        self.answers = collections.Counter()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with requests.Session() as session:
            while not self.stop.wait(0.002):
                answer = session.post(self.url, json=ROW, timeout=GENEROUS_S)
                version = answer.json().get("model_version", answer.json().get("error"))
                self.answers[answer.status_code, version] += 1

    def __enter__(self):
        self.thread.start()
        return self.answers

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def push(centre, tag, **settings):
    """A model of the fake engine, which is slow or bad as it is told."""
    tensor = {"datatype": "FP32", "shape": [-1, 4], "symbols": ["n", ""]}
    path = centre.folder / f"{tag}.fake.json"
    path.write_text(json.dumps({"inputs": [{"name": "x", **tensor}],
                                "outputs": [{"name": "y", **tensor}], **settings}))
    centre.cli("push", path, f"m:{tag}")


def service_url(centre):
    return f"{centre.api_url}/api/v1/projects/default/services/m"


def status(centre):
    answer = requests.get(service_url(centre), headers=centre.headers, timeout=GENEROUS_S)
    assert answer.status_code == 200, answer.text
    return answer.json()["status"]


def patch(centre, canary):
    return requests.patch(service_url(centre), json={"spec": {"canary": canary}},
                          headers=centre.headers, timeout=GENEROUS_S)


def deploy(centre, canary):
    """Service `m` with revision 1, which is good, and a canary for what comes."""
    push(centre, "good")
    service = {"apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "m"},
               "spec": {"predictor": {"model": "m:good"}, "canary": canary}}
    centre.cli("apply", "-f", "-", stdin=json.dumps(service))
    programs.wait_until(lambda: status(centre).get("phase") == "Ready", "the first revision")


def wait_for(centre, phase, timeout_s=GENEROUS_S):
    programs.wait_until(lambda: status(centre)["canary"]["phase"] == phase,
                        f"a canary that is {phase}", timeout_s)
    return status(centre)["canary"]


def test_a_good_revision_is_promoted_and_no_request_fails(slipway):
    deploy(slipway, SHORT)
    push(slipway, "better", delayUs=200)
    with Load(slipway) as answers:
        told = slipway.cli("upgrade", "m", "m:better").stdout
        assert "takes the steps of its canary" in told
        canary = wait_for(slipway, "Promoted")
        promoted = answers[200, "2"]
        programs.wait_until(lambda: answers[200, "2"] > promoted + 50, "requests to revision 2")
    assert canary["stable"] == 2 and canary["reason"] == "STEPS_PASSED"
    assert "errorRate 0 (at most 0.1)" in canary["message"]
    assert set(answers) == {(200, "1"), (200, "2")}, answers
    now = status(slipway)
    assert now["readyRevision"] == 2 and now["phase"] == "Ready"
    events = slipway.cli("events", "service/m").stdout
    for reason in ("STEP_1", "STEP_2", "STEPS_PASSED"):
        assert reason in events


def test_a_revision_that_answers_errors_is_rolled_back_with_its_figures(slipway):
    deploy(slipway, SHORT)
    push(slipway, "bad", failRun="out of luck")
    with Load(slipway) as answers:
        slipway.cli("upgrade", "m", "m:bad")
        canary = wait_for(slipway, "RolledBack")
        before = answers[200, "1"]
        programs.wait_until(lambda: answers[200, "1"] > before + 50, "requests to revision 1")
    assert canary["reason"] == "CONDITION_VIOLATED"
    assert "errorRate 1 is above 0.1" in canary["message"]
    # What failed is what the bad revision answered itself.
    assert {key for key in answers if key[0] != 200} == {(500, "out of luck")}
    now = status(slipway)
    assert now["phase"] == "Degraded" and now["readyRevision"] == 1
    ready = next(one for one in now["conditions"] if one["type"] == "Ready")
    assert ready["status"] == "False" and ready["message"] == canary["message"]
    shown = slipway.cli("canary", "show", "m").stdout
    assert "RolledBack" in shown and "errorRate 1 is above 0.1" in shown
    # It has gone from memory, and its name leads nowhere.
    gone = slipway.inference_url + "/v2/models/m/versions/2/ready"
    programs.wait_until(lambda: requests.get(gone, timeout=GENEROUS_S).status_code != 200,
                        "the end of revision 2")


def test_a_slow_revision_is_rolled_back(slipway):
    slow = {**SHORT, "conditions": [
        {"metric": "latencyMs", "quantile": 0.5, "max": 40, "maxRatio": 3}]}
    deploy(slipway, slow)
    push(slipway, "slow", delayUs=400_000)
    with Load(slipway) as answers:
        slipway.cli("upgrade", "m", "m:slow")
        canary = wait_for(slipway, "RolledBack", timeout_s=180)
    assert "latencyMs p50" in canary["message"] and "is above" in canary["message"]
    assert set(answers) <= {(200, "1"), (200, "2")}, answers


@pytest.mark.parametrize("both", [False, True], ids=["control_centre", "and_data_plane"])
def test_a_canary_goes_on_after_its_programs_were_killed(slipway, both):
    deploy(slipway, {**LONG, "steps": [{"weight": 5000, "hold": "3s"}], "minRequests": 200})
    push(slipway, "better", delayUs=200)
    slipway.cli("upgrade", "m", "m:better")
    wait_for(slipway, "Progressing")
    with Load(slipway) as answers:
        programs.wait_until(lambda: answers[200, "2"] > 20, "requests to revision 2")
    begun = status(slipway)["canary"]
    if both:
        slipway.kill()
    else:
        slipway.leave()
    slipway.start()
    # The same step with the same share, as if nothing had happened.
    programs.wait_until(lambda: status(slipway)["canary"]["phase"] == "Progressing", "the canary")
    assert status(slipway)["canary"]["weight"] == begun["weight"] == 5000
    programs.wait_until(
        lambda: requests.get(slipway.inference_url + "/v2/models/m/ready",
                             timeout=GENEROUS_S).status_code == 200, "the data plane")
    with Load(slipway) as answers:
        assert wait_for(slipway, "Promoted")["stable"] == 2
    assert {key[0] for key in answers} == {200}, answers


def test_a_pause_holds_and_decisions_by_hand_are_idempotent(slipway):
    deploy(slipway, SHORT)
    assert "no revision of service m is on its way" in slipway.cli(
        "canary", "promote", "m", check=False).stderr
    push(slipway, "better", delayUs=200)
    slipway.cli("canary", "pause", "m")
    with Load(slipway) as answers:
        slipway.cli("upgrade", "m", "m:better")
        wait_for(slipway, "Paused")
        asked = answers[200, "2"]
        programs.wait_until(lambda: answers[200, "2"] > asked + 100, "enough requests")
        assert status(slipway)["canary"]["phase"] == "Paused"
        assert status(slipway)["canary"]["step"] == 1
        slipway.cli("canary", "resume", "m")
        assert "already" in slipway.cli("canary", "resume", "m").stdout
        wait_for(slipway, "Promoted")
    push(slipway, "third", delayUs=300)
    assert patch(slipway, LONG).status_code == 200
    slipway.cli("upgrade", "m", "m:third")
    wait_for(slipway, "Progressing")
    for _ in range(2):
        slipway.cli("canary", "abort", "m")
        assert wait_for(slipway, "RolledBack")["reason"] == "ABORTED"
    slipway.cli("canary", "retry", "m")
    assert wait_for(slipway, "Progressing")["revision"] == 3
    for _ in range(2):
        slipway.cli("canary", "promote", "m")
        assert wait_for(slipway, "Promoted")["stable"] == 3
    # A rollback takes no steps: who goes back wants it now.
    slipway.cli("rollback", "m")
    assert wait_for(slipway, "Promoted")["stable"] == 4
    assert status(slipway)["canary"]["reason"] == "PROMOTED_BY_HAND"


def test_traffic_shows_and_explains_what_the_canary_gives(slipway):
    deploy(slipway, LONG)
    push(slipway, "better", delayUs=200)
    slipway.cli("upgrade", "m", "m:better")
    wait_for(slipway, "Progressing")
    rows = {line.split()[0]: line for line in
            slipway.cli("traffic", "show", "m").stdout.splitlines()}
    assert "80 %" in rows["1"] and "20 %" in rows["2"]
    explained = json.loads(slipway.cli("traffic", "explain", "m", "-o", "json").stdout)
    assert [share["percent"] for share in explained["shares"]] == [80, 20]
    refused = slipway.cli("traffic", "set", "m", "2=100%", check=False)
    assert refused.returncode != 0 and "spec.canary" in refused.stderr


@pytest.mark.parametrize("canary, field, words", [
    ({"steps": []}, "spec.canary.steps", "got 0"),
    ({"steps": [{"weight": 0}]}, "spec.canary.steps[0].weight", "1 to 10000"),
    ({"steps": [{"weight": 10}, {"weight": 5}]}, "spec.canary.steps[1].weight", "more than the 10"),
    ({"steps": [{"weight": 10, "hold": "soon"}]}, "spec.canary.steps[0].hold", "soon"),
    ({"steps": [{"weight": 10}], "conditions": [{"metric": "errorRate"}]},
     "spec.canary.conditions[0]", "at least one of max"),
    ({"steps": [{"weight": 10}], "conditions": [{"metric": "latencyMs", "max": 1}]},
     "spec.canary.conditions[0].quantile", "0.99"),
    ({"steps": [{"weight": 10}], "promote": 99}, "spec.canary.promote", "no revision 99"),
    ({"steps": [{"weight": 10}], "promote": 1, "abort": 1}, "spec.canary.abort", "cannot be"),
])
def test_a_canary_that_makes_no_sense_is_refused(slipway_module, canary, field, words):
    centre = slipway_module
    if centre.cli("get", "service/m", check=False).returncode != 0:
        deploy(centre, None)
    answer = patch(centre, canary)
    assert answer.status_code == 400, answer.text
    assert answer.json()["field"] == field
    assert words in answer.json()["detail"]
    assert "canary" not in json.loads(
        centre.cli("get", "service/m", "-o", "json").stdout)["spec"]
