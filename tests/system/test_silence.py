"""A data plane that hangs: who asks is told the truth, and all comes back by itself."""

import contextlib
import ctypes
import json
import os
import pathlib
import signal

import pytest
import requests

import programs
from programs import wait_until

MODELS = programs.ROOT / "tests/fixtures/models"
BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
PATIENCE_S = 120  # for anything that takes seconds on an idle machine


def serve(centre):
    """Deploys a model; returns the address at which it answers."""
    centre.cli("push", MODELS / "linear_a.onnx", "linear:a")
    centre.cli("deploy", "linear:a")
    return centre.inference_url + "/v2/models/linear/infer"


def resource(centre, *arguments):
    return json.loads(centre.cli(*arguments, "-o", "json").stdout)


def service(centre):
    return resource(centre, "services")["items"][0]["status"]


def site(centre):
    return resource(centre, "get", "site/local")["status"]


def says(status, phase, reason):
    return status["phase"] == phase and status["conditions"][0]["reason"] == reason


def is_silent(centre):
    return (says(site(centre), "Degraded", "NOT_ANSWERING")
            and says(service(centre), "Unknown", "NOT_ANSWERING"))


def is_well(centre):
    return (says(site(centre), "Ready", "SERVING")
            and says(service(centre), "Ready", "REVISION_READY"))


def answers(url):
    try:
        return requests.post(url, json=BODY, timeout=10).status_code == 200
    except requests.RequestException:
        return False


@contextlib.contextmanager
def held(pid):
    """The process is stopped, as by a debugger or Ctrl-Z."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


WALL = 0x40000000
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    return libc.ptrace(request, thread, None, None) == 0


@contextlib.contextmanager
def hung_thread(pid, name):
    """One thread of the process stands still, as in a deadlock; the others go on."""
    tasks = pathlib.Path(f"/proc/{pid}/task")
    thread = next(int(task.name) for task in tasks.iterdir()
                  if (task / "comm").read_text().strip() == name)
    if not ptrace(PTRACE_SEIZE, thread):
        pytest.skip("this machine lets nobody trace a process")
    assert ptrace(PTRACE_INTERRUPT, thread)

    def reap():
        """Lets the thread go when it was killed: its tracer is who keeps it."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(thread, os.WNOHANG | WALL)
        return True

    try:
        yield reap
    finally:
        ptrace(PTRACE_DETACH, thread)


def test_a_stopped_data_plane_is_told_and_comes_back_by_itself(start_centre):
    centre = start_centre("--answer-limit", "1s", "--restart-after", "2s")
    url = serve(centre)
    wait_until(lambda: is_well(centre), "a well site")
    pid = site(centre)["pid"]
    with held(pid):
        wait_until(lambda: is_silent(centre), "NOT_ANSWERING", PATIENCE_S)
        message = site(centre)["conditions"][0]["message"]
        assert f"kill -CONT {pid}" in message
        assert message in service(centre)["conditions"][0]["message"]
        assert "kill -CONT" in centre.cli("status").stdout
        revision = resource(centre, "get", "revisions")["items"][0]["status"]
        assert says(revision, "Unknown", "NOT_ANSWERING")
    wait_until(lambda: is_well(centre), "a well site", PATIENCE_S)
    assert answers(url)
    assert site(centre)["pid"] == pid, "what somebody holds is not ended"
    assert "NOT_ANSWERING" in centre.cli("events", "service/linear").stdout
    assert "NOT_ANSWERING" in centre.cli("events", "site/local").stdout


def test_one_core_that_hangs_is_noticed(slipway):
    url = serve(slipway)
    wait_until(lambda: is_well(slipway), "a well site")
    pid = site(slipway)["pid"]
    with hung_thread(pid, "core-0"):
        wait_until(lambda: is_silent(slipway), "NOT_ANSWERING", PATIENCE_S)
        assert "Core 0 of the data plane" in site(slipway)["conditions"][0]["message"]
    wait_until(lambda: is_well(slipway), "a well site", PATIENCE_S)
    assert answers(url)
    assert site(slipway)["pid"] == pid


def test_a_data_plane_that_goes_on_hanging_is_started_anew(start_centre):
    centre = start_centre("--answer-limit", "1s", "--restart-after", "2s")
    url = serve(centre)
    wait_until(lambda: is_well(centre), "a well site")
    pid = site(centre)["pid"]
    with hung_thread(pid, "core-0") as reap:
        wait_until(lambda: reap() and site(centre)["pid"] not in (0, pid), "another process",
                   PATIENCE_S)
    wait_until(lambda: is_well(centre), "a well site", PATIENCE_S)
    wait_until(lambda: answers(url), "an answer", PATIENCE_S)


@pytest.mark.parametrize("arguments, word", [
    (("--answer-limit", "1"), "--answer-limit"),
    (("--answer-limit", "1ms"), "--answer-limit"),
    (("--restart-after", "2000d"), "--restart-after"),
])
def test_durations_that_make_no_sense_are_refused(tmp_path, arguments, word):
    centre = programs.ControlCentre(tmp_path, *arguments)
    done = centre.cli("server", "--data", tmp_path / "data", *arguments, check=False)
    assert done.returncode == 2
    assert word in done.stderr
