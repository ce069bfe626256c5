"""Kills the real control centre and its data plane, at named points and at random times.

After each kill the programs are started again on the same folder, and must show: every command that
was acknowledged took effect, the one that was not took effect whole or not at all, the service can
still be upgraded, and no process runs that the state does not name.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import time

import pytest
import requests

import programs
from test_large_removal import POINTS as REMOVAL_POINTS
from test_klever_api import OTHERS, Caller, noise_zip, read_zip

ZIPPED = ("default", "zipped", "v1")  # a version that is uploaded over Klever's API
MODELS = programs.ROOT / "tests/fixtures/models"
BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
ANSWERS = {}  # model file -> what it computes from BODY, learnt from an undisturbed service
KILLS = int(os.environ.get("SLIPWAY_CRASH_KILLS", "50"))
SEED = int(os.environ.get("SLIPWAY_CRASH_SEED", "20261122"))
ACTS = ("push", "deploy", "upgrade")


def crash_points():
    listed = subprocess.run([str(programs.BINARY), "version", "--crash-points"], text=True,
                            capture_output=True, check=True).stdout
    return listed.split()


class Story:
    """What a user did, what was acknowledged, and the check that the state agrees with it."""

    def __init__(self, centre):
        self.centre = centre
        self.tags = {}       # tag -> model file, acknowledged
        self.serving = None  # model file of the last acknowledged deploy or upgrade
        self.maybe = set()   # model files of deploys that were cut, since then
        self.pending = None  # ("push", tag, model) or ("serve", model): begun, not acknowledged

    def push(self, tag, model):
        self.pending = ("push", tag, model)
        done = self.centre.cli("push", MODELS / model, f"crash:{tag}", check=False)
        if done.returncode == 0:
            self.tags[tag], self.pending = model, None
        return done

    def serve(self, verb, tag):
        model = self.tags[tag]
        self.pending = ("serve", model)
        words = (["deploy", f"crash:{tag}"] if verb == "deploy"
                 else ["upgrade", "crash", f"crash:{tag}"])
        done = self.centre.cli(*words, check=False)
        if done.returncode == 0:
            self.serving, self.pending = model, None
        return done

    def rollback(self):
        before = self.tags.get("a")
        self.pending = ("serve", before)
        if self.centre.cli("rollback", "crash", check=False).returncode == 0:
            self.serving, self.pending = before, None

    def infer(self):
        answer = requests.post(self.centre.inference_url + "/v2/models/crash/infer", json=BODY,
                               timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["outputs"][0]["data"]

    def check(self):
        """What was acknowledged is there; what was not is there whole or not at all."""
        for tag, model in self.tags.items():
            target = self.centre.folder / f"pulled-{tag}"
            self.centre.cli("pull", f"crash:{tag}", target)
            assert (target / model).read_bytes() == (MODELS / model).read_bytes()
        self._check_unacknowledged_push()
        wanted = ({self.serving} | self.maybe) - {None}
        if self.pending and self.pending[0] == "serve":
            wanted.add(self.pending[1])
        if self.serving is not None:
            programs.wait_until(lambda: self.served() in wanted, f"one of {wanted} to be served")

    def _check_unacknowledged_push(self):
        if not self.pending or self.pending[0] != "push" or self.pending[1] in self.tags:
            return
        _, tag, model = self.pending
        target = self.centre.folder / f"half-{tag}"
        if self.centre.cli("pull", f"crash:{tag}", target, check=False).returncode == 0:
            assert (target / model).read_bytes() == (MODELS / model).read_bytes()
        else:
            assert not target.exists() or not any(target.iterdir())

    def served(self):
        """The model file whose answers the service gives; None: it gives none."""
        try:
            values = self.infer()
        except (AssertionError, requests.RequestException):
            return None
        return next((model for model, answer in ANSWERS.items() if answer == values), "unknown")

    def go_on(self):
        """The folder still works: both models can be pushed, and each can be put to work."""
        for tag, model in (("a", "linear_a.onnx"), ("b", "linear_b.onnx")):
            done = self.push(tag, model)
            assert done.returncode == 0, done.stderr
            done = self.serve("deploy", tag)
            assert done.returncode == 0, done.stderr
            assert self.served() == model


def named_processes(centre):
    """The pids that the state names: the control centre and the data plane of its site."""
    status = json.loads(centre.cli("status", "-o", "json").stdout)
    return {centre.pid, status["serve"]["pid"]}


def check_processes(centre):
    programs.wait_until(lambda: set(centre.family()) == named_processes(centre),
                        f"no process but the named ones; there are {centre.family()}")


@pytest.fixture(scope="module", autouse=True)
def learn_answers(tmp_path_factory):
    centre = programs.ControlCentre(tmp_path_factory.mktemp("learn"))
    try:
        story = Story(centre.start())
        for tag, model in (("a", "linear_a.onnx"), ("b", "linear_b.onnx")):
            assert story.push(tag, model).returncode == 0
            assert story.serve("deploy", tag).returncode == 0
            ANSWERS[model] = story.infer()
        assert ANSWERS["linear_a.onnx"] != ANSWERS["linear_b.onnx"]
    finally:
        centre.close()


def push_garbage(centre):
    """A small and a large blob that no manifest names."""
    for size in (100, 100_000):
        content = random.Random(size).randbytes(size)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        try:
            requests.post(f"{centre.api_url}/v2/default/garbage/blobs/uploads/?digest={digest}",
                          data=content, headers=centre.headers, timeout=30)
        except requests.RequestException:  # the control centre is gone
            return


def upload_zip(centre):
    """A model over Klever's API, in two parts."""
    content = noise_zip(200_000)
    for span in ((100_000, len(content)), (0, 100_000)):
        try:
            Caller(centre, centre.token).upload(content, ZIPPED, OTHERS, span=span)
        except requests.RequestException:  # the control centre is gone
            return


def check_zip(centre):
    """The upload can be finished, wherever it stood, and what it made can be read."""
    caller = Caller(centre, centre.token)
    content = noise_zip(200_000)
    for span in ((0, 100_000), (100_000, len(content))):
        assert caller.upload(content, ZIPPED, OTHERS, span=span).status_code == 201
    files = read_zip(caller.download(ZIPPED))
    assert files["zipped/model/weights.bin"] == random.Random(1).randbytes(200_000)


def whole_story(story):
    """Everything that reaches a crash point; ends early once the control centre is gone."""
    large = story.centre.folder / "large"
    large.mkdir(exist_ok=True)
    (large / "weights.bin").write_bytes(random.Random(SEED).randbytes(300_000))
    steps = [lambda: story.centre.cli("push", large, "large:1", check=False),
             lambda: story.push("a", "linear_a.onnx"), lambda: story.serve("deploy", "a"),
             lambda: story.push("b", "linear_b.onnx"), lambda: story.serve("upgrade", "b"),
             story.rollback,
             lambda: story.centre.cli("token", "create", "--role", "viewer", check=False),
             lambda: upload_zip(story.centre),
             lambda: push_garbage(story.centre),
             lambda: story.centre.cli("registry", "gc", check=False)]
    for step in steps:
        if story.centre.process.poll() is not None:
            return
        step()


def started_at(point, start_centre, tmp_path):
    """A control centre that will be killed at the point, started where the point is reached."""
    environment = {"SLIPWAY_CRASH_AT": point}
    if point in ("folder.migrated", "folder.objects_linked"):
        data = tmp_path / "format-1"
        shutil.copytree(programs.ROOT / "src/store/testdata/format-1", data)
        return start_centre(wait=False, environment=environment, data=data)
    if point.startswith("gc."):  # garbage at once
        return start_centre("--gc-hold", "0", "--gc-interval", "0", wait=False,
                            environment=environment)
    if point not in ("agent.serve_next_recorded", "agent.serve_settled"):
        return start_centre(wait=False, environment=environment)
    centre = start_centre()
    story = Story(centre)
    story.go_on()
    centre.kill()
    centre.environment.update(environment)
    centre.binary = programs.other_build(tmp_path / "other")
    centre.start(wait=False)
    return centre


# Those of the command line's own store are reached in test_model_store.py, those of a large
# removal in test_large_removal.py.
@pytest.mark.parametrize("point", [at for at in crash_points()
                                   if not at.startswith("models.") and at not in REMOVAL_POINTS])
def test_every_named_point(point, start_centre, tmp_path):
    centre = started_at(point, start_centre, tmp_path)
    story = Story(centre)
    try:
        centre.wait_ready()
    except AssertionError:
        assert centre.process.poll() is not None, f"{point}: not ready, and not killed either"
    else:
        whole_story(story)
    stopped = centre.process.poll()
    in_serve = f"killed at crash point {point}" in centre.log_tail(10_000)
    if stopped is None and not in_serve:  # it may be a step of the way down
        centre.process.terminate()
        stopped = centre.process.wait(15)
    assert stopped == -9 or in_serve, f"{point} was not reached (exit status {stopped})"
    if stopped is None:
        centre.kill()
    centre.process = None
    del centre.environment["SLIPWAY_CRASH_AT"]
    story.centre = centre.start()
    story.check()
    check_zip(centre)
    story.go_on()
    check_processes(centre)


def words_of(story, act):
    """The command line that deploys or upgrades, and the model that it is about."""
    tag = "b" if story.served() == "linear_a.onnx" else "a"
    words = {"deploy": ["deploy", f"crash:{tag}"],
             "upgrade": ["upgrade", "crash", f"crash:{tag}"]}[act]
    return words, f"linear_{tag}.onnx"


def duration_of(story, act):
    """Seconds that the act takes undisturbed."""
    words, model = words_of(story, act)
    begin = time.monotonic()
    story.centre.cli(*words)
    story.serving = model
    return time.monotonic() - begin


def client_of(centre, words):
    """Starts a command in a process of its own."""
    return subprocess.Popen([str(programs.BINARY), *map(str, words)], env=centre.environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=centre.folder)


def kill_during(story, act, moment):
    """Runs one act in a client of its own and kills the control centre `moment` seconds into it.

    Returns True if the act was under way: begun, and not acknowledged."""
    centre = story.centre
    words, model = words_of(story, act)
    story.maybe.add(model)
    client = client_of(centre, words)
    time.sleep(moment)
    centre.kill()
    client.communicate(timeout=60)
    if client.returncode == 0:
        story.serving, story.maybe = model, set()
    return client.returncode != 0


class Pushes:
    """Pushes of some MB that nobody has pushed before, each cut by a kill of the control centre."""

    def __init__(self, centre, source):
        self.centre = centre
        self.source = source
        self.acknowledged = {}  # tag -> weights
        self.absent = 0         # of those that were not acknowledged
        self.whole = 0

    def _spooled(self):
        """Bytes of the uploads that are under way."""
        total = 0
        for path in (self.centre.data / "uploads").glob("?" * 32):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                pass
        return total

    def _wait_for(self, client, is_reached):
        """Waits for a state of the upload; False if the client ends first."""
        def reached_or_ended():
            return is_reached() or client.poll() is not None
        programs.wait_until(reached_or_ended, "the push to get that far", interval_s=0.001)
        return client.poll() is None

    def cut(self, number):
        """Returns True if the kill came after the first byte and before the acknowledgement."""
        tag = f"cut-{number}"
        weights = self.source.randbytes(self.source.randint(2 << 20, 9 << 20))
        model = self.centre.folder / tag
        model.mkdir()
        shutil.copy(MODELS / "linear_a.onnx", model / "model.onnx")
        (model / "weights.bin").write_bytes(weights)
        for path in (self.centre.data / "uploads").glob("?" * 32):
            path.unlink()  # of those that were cut before
        share = self.source.choice((0, self.source.random(), 1, 2))
        if share == 2:  # acknowledged: the kill may take nothing
            client = client_of(self.centre, ["push", model, f"pushed:{tag}"])
            client.wait(60)
            return self._kill_and_check(tag, weights, client)
        client = client_of(self.centre, ["push", model, f"pushed:{tag}"])
        begun = self._wait_for(client, lambda: self._spooled() > share * (len(weights) - 1))
        if begun and share == 1:  # in the middle of what comes after the bytes
            self._wait_for(client, lambda: self._spooled() < len(weights))
        return self._kill_and_check(tag, weights, client) and begun

    def _kill_and_check(self, tag, weights, client):
        """Returns True if the push was not acknowledged."""
        self.centre.kill()
        client.communicate(timeout=60)
        if client.returncode == 0:
            self.acknowledged[tag] = weights
        self.centre.start()
        self._check(tag, weights, must_be=client.returncode == 0)
        return client.returncode != 0

    def _check(self, tag, weights, must_be):
        target = self.centre.folder / f"pulled-{tag}"
        pulled = self.centre.cli("pull", f"pushed:{tag}", target, check=must_be)
        if pulled.returncode == 0:
            self.whole += not must_be
            assert (target / "weights.bin").read_bytes() == weights, tag
            assert (target / "model.onnx").read_bytes() == (MODELS / "linear_a.onnx").read_bytes()
        else:
            self.absent += 1
            assert not target.exists() or not any(target.iterdir()), tag
        shutil.rmtree(target, ignore_errors=True)

    def check_acknowledged(self):
        """No later kill took any of them."""
        for tag, weights in self.acknowledged.items():
            self._check(tag, weights, must_be=True)


def test_random_kills(start_centre, record_property):
    """50 seeded SIGKILLs, at least 10 of each act between its beginning and its acknowledgement."""
    source = random.Random(SEED)
    centre = start_centre("--gc-interval", "0")
    story, pushes = Story(centre), Pushes(centre, source)
    story.go_on()
    durations = {act: min(duration_of(story, act) for _ in range(3))
                 for act in ACTS if act != "push"}
    under_way, kills = dict.fromkeys(ACTS, 0), 0
    while kills < KILLS or min(under_way.values()) < min(10, KILLS // 5):
        assert kills < 4 * KILLS, f"too few kills were in time: {under_way}"
        act = ACTS[kills % len(ACTS)]
        if act == "push":
            under_way[act] += pushes.cut(kills)
        else:
            under_way[act] += kill_during(story, act, source.uniform(0.1, 0.9) * durations[act])
            centre.start()
        kills += 1
        story.check()
        check_processes(centre)
    pushes.check_acknowledged()
    story.go_on()
    record_property("summary", f"random kills: seed {SEED}, {kills} SIGKILLs, under way: "
                    f"{under_way}; pushes: {len(pushes.acknowledged)} acknowledged and whole, "
                    f"{pushes.whole} not and whole, {pushes.absent} not and absent")
