"""Models in processes of their own: what one of them does harms no other, and nothing is lost."""

import concurrent.futures
import json
import os
import pathlib
import signal
import threading

import pytest
import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
TENSOR = {"datatype": "FP32", "shape": [-1, 4], "symbols": ["n", ""]}


def fake_model(path, **settings):
    """Writes a model that answers with its input, and returns its path."""
    path.write_text(json.dumps({"inputs": [{"name": "x", **TENSOR}],
                                "outputs": [{"name": "y", **TENSOR}], **settings}))
    return path


def ask(program, model, first=1, timeout_s=60):
    body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                        "data": [first, 2, 3, 4]}]}
    return requests.post(f"{program.inference_url}/v2/models/{model}/infer", json=body,
                         timeout=timeout_s)


def revision(centre, service, number=1):
    return json.loads(centre.cli("get", "revision", f"{service}-{number}", "-o", "json").stdout)


def worker_of(centre, service, number=1):
    return revision(centre, service, number)["status"].get("worker")


@pytest.fixture
def centre(slipway):
    """Two services: one in a process of its own, which can be made to crash, one shared."""
    path = fake_model(slipway.folder / "bad.fake.json", crashOn=13, hangOn=14)
    slipway.cli("push", path, "bad:v1")
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway.cli("deploy", "bad:v1", "--isolation", "process")
    slipway.cli("deploy", "linear:a")
    return slipway


class Callers:
    """Ask one model without pause; `answers` counts by status, `refused` keeps what was no 200."""

    def __init__(self, program, model, clients=4):
        self.program, self.model = program, model
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.answers, self.refused = {}, []
        self.pool = concurrent.futures.ThreadPoolExecutor(clients)
        self.futures = [self.pool.submit(self._ask) for _ in range(clients)]

    def _ask(self):
        session = requests.Session()
        url = f"{self.program.inference_url}/v2/models/{self.model}/infer"
        body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                            "data": [1, 2, 3, 4]}]}
        while not self.stop.is_set():
            answer = session.post(url, json=body, timeout=60)
            with self.lock:
                self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
                if answer.status_code != 200:
                    self.refused.append(answer)

    def ok(self):
        with self.lock:
            return self.answers.get(200, 0)

    def finish(self):
        self.stop.set()
        for future in self.futures:
            future.result()
        self.pool.shutdown()
        return self.answers


def test_the_status_names_the_process(centre):
    worker = worker_of(centre, "bad")
    parent = pathlib.Path(f"/proc/{worker['pid']}/stat").read_text().rsplit(")", 1)[1].split()[1]
    site = json.loads(centre.cli("get", "site", "local", "-o", "json").stdout)
    assert int(parent) == site["status"]["pid"]
    assert worker["restarts"] == 0
    assert revision(centre, "bad")["status"]["memoryBytes"] > 0
    assert worker_of(centre, "linear") is None
    assert ask(centre, "bad").json()["outputs"][0]["data"] == [1, 2, 3, 4]


def test_a_worker_has_only_what_it_needs(centre):
    pid = worker_of(centre, "bad")["pid"]
    assert os.getpgid(pid) == pid
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    targets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    strange = [target for target in targets if not target.startswith(
        ("/dev/null", "socket:", "/memfd:slipway-worker")) and not target.endswith("serve.log")]
    assert strange == []
    # The listening sockets are not among them.
    listening = {line.split()[9] for path in ("tcp", "tcp6")
                 for line in pathlib.Path(f"/proc/net/{path}").read_text().splitlines()[1:]}
    assert not listening & {target[8:-1] for target in targets if target.startswith("socket:")}


def test_a_crash_is_a_503_for_its_own_callers_alone(centre):
    others = Callers(centre, "linear")
    before = worker_of(centre, "bad")["pid"]
    answer = ask(centre, "bad", 13)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert "ended while it ran this request" in answer.json()["error"]
    programs.wait_until(lambda: ask(centre, "bad").status_code == 200, "the next worker")
    programs.wait_until(lambda: worker_of(centre, "bad")["restarts"] == 1, "the status")
    worker = worker_of(centre, "bad")
    assert worker["pid"] not in (0, before)
    assert worker["lastEnd"].startswith("was killed by signal 6")
    assert set(others.finish()) == {200}


def test_workers_are_killed_under_load(centre):
    bad, others = Callers(centre, "bad"), Callers(centre, "linear")
    for _ in range(3):
        start = bad.ok()
        programs.wait_until(lambda: bad.ok() > start + 50, "answers")
        programs.wait_until(lambda: worker_of(centre, "bad")["pid"] != 0, "a worker")
        os.kill(worker_of(centre, "bad")["pid"], signal.SIGKILL)
        programs.wait_until(lambda: bad.answers.get(503, 0) or bad.ok() > start + 100, "the end")
        start = bad.ok()
        programs.wait_until(lambda: bad.ok() > start + 50, "answers of the next")
    assert set(bad.finish()) <= {200, 503}
    assert all(answer.headers["Retry-After"] == "1" for answer in bad.refused)
    assert set(others.finish()) == {200}
    programs.wait_until(lambda: worker_of(centre, "bad")["restarts"] == 3, "the status")


def test_upgrades_of_isolated_models_lose_nothing(centre):
    centre.cli("push", fake_model(centre.folder / "next.fake.json", loadDelayUs=1000), "bad:v2")
    load = Callers(centre, "bad")
    for number in range(6):
        centre.cli("upgrade", "bad", f"bad:v{2 - number % 2}")
    assert set(load.finish()) == {200}
    site = json.loads(centre.cli("get", "site", "local", "-o", "json").stdout)
    children = pathlib.Path(f"/proc/{site['status']['pid']}/task")
    # Workers of old revisions end with them.
    programs.wait_until(
        lambda: sum(len(path.read_text().split()) for path in children.glob("*/children")) == 1,
        "one worker")


def test_a_run_that_hangs_ends_its_worker(centre):
    centre.cli("apply", "-f", "-", stdin=json.dumps({
        "apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "hung"},
        "spec": {"predictor": {"model": "bad:v1", "isolation": "process"}, "timeout": "200ms"}}))
    programs.wait_until(lambda: ask(centre, "hung").status_code == 200, "the service")
    assert ask(centre, "hung", 14).status_code == 504
    assert ask(centre, "hung").status_code == 200, "the others have sessions of their own"
    programs.wait_until(lambda: worker_of(centre, "hung")["restarts"] == 1, "its end")
    assert "after its time was over" in worker_of(centre, "hung")["lastEnd"]
    programs.wait_until(lambda: ask(centre, "hung").status_code == 200, "the next worker")


def test_workers_end_with_their_data_plane(centre):
    pid = worker_of(centre, "bad")["pid"]
    site = json.loads(centre.cli("get", "site", "local", "-o", "json").stdout)
    os.kill(site["status"]["pid"], signal.SIGKILL)
    programs.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "its end")
    programs.wait_until(lambda: ask(centre, "bad").status_code == 200, "the next data plane")


def test_a_model_that_crashes_while_it_loads_fails_alone(centre):
    path = fake_model(centre.folder / "load.fake.json", crash="load")
    centre.cli("push", path, "load:v1")
    refused = centre.cli("deploy", "load:v1", "--isolation", "process", check=False)
    assert refused.returncode != 0
    assert "was killed by signal 6" in refused.stderr
    assert ask(centre, "bad").status_code == 200


def test_a_wrong_word_is_named(centre):
    answer = centre.cli("apply", "-f", "-", check=False, stdin=json.dumps({
        "apiVersion": "slipway/v1", "kind": "Service", "metadata": {"name": "odd"},
        "spec": {"predictor": {"model": "bad:v1", "isolation": "thread"}}}))
    assert answer.returncode != 0
    assert "spec.predictor.isolation" in answer.stderr and "process" in answer.stderr


def test_stand_alone_models_are_isolated_too(start_serve, tmp_path):
    plane = start_serve(fake_model(tmp_path / "m.fake.json", crashOn=13), "--name", "m",
                        "--isolation", "process")
    assert ask(plane, "m").status_code == 200
    assert ask(plane, "m", 13).status_code == 503
    programs.wait_until(lambda: ask(plane, "m").status_code == 200, "the next worker")


def answers_well(program, model):
    try:
        return ask(program, model).status_code == 200
    except requests.ConnectionError:
        return False


def test_a_shared_model_that_crashes_twice_gets_a_process_of_its_own(centre):
    path = fake_model(centre.folder / "shared.fake.json", crashOn=13)
    centre.cli("push", path, "shared:v1")
    centre.cli("deploy", "shared:v1")
    for number in range(2):
        pid = json.loads(centre.cli("get", "site", "local", "-o", "json").stdout)["status"]["pid"]
        with pytest.raises(requests.ConnectionError):
            ask(centre, "shared", 13)
        programs.wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "its end")
        if number == 0:
            programs.wait_until(lambda: answers_well(centre, "shared"), "the next data plane")
            programs.wait_until(lambda: revision(centre, "shared")["status"]["phase"] == "Ready",
                                "the report")
            assert worker_of(centre, "shared") is None
    programs.wait_until(lambda: worker_of(centre, "shared") is not None, "a process of its own")
    programs.wait_until(lambda: answers_well(centre, "shared"), "an answer of it")
    conditions = {one["type"]: one for one in revision(centre, "shared")["status"]["conditions"]}
    assert conditions["Isolated"]["reason"] == "BLAMED"
    assert "BLAMED" in centre.cli("events", "revision/shared-1").stdout
    # Now it is its own matter.
    others = Callers(centre, "linear")
    assert ask(centre, "shared", 13).status_code == 503
    programs.wait_until(lambda: answers_well(centre, "shared"), "the next worker")
    assert set(others.finish()) == {200}
