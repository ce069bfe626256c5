"""A model that never ends its warm-up keeps nobody else waiting."""

import os
import signal

import programs
from test_isolation import MODELS, ask


def answers(centre, model):
    try:
        return ask(centre, model).status_code == 200
    except OSError:
        return False


def end_serve(centre):
    before = next(pid for pid, line in centre.family().items() if " serve --site-folder" in line)
    os.kill(before, signal.SIGKILL)
    programs.wait_until(lambda: before not in centre.family(), "the end")


def test_a_model_that_never_answers_holds_up_no_load(slipway):
    slipway.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway.cli("push", MODELS / "endless_loop.onnx", "loop:v1")
    slipway.cli("deploy", "loop:v1", "--as", "a-loop")
    slipway.cli("deploy", "linear:a", "--as", "b-linear")
    assert answers(slipway, "b-linear")
    end_serve(slipway)
    programs.wait_until(lambda: answers(slipway, "b-linear"), "the next data plane")
