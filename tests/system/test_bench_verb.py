"""`slipway bench`: what it counts is what the service answered."""

import json
import re

import pytest
import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"


@pytest.fixture(scope="module")
def centre(slipway_module):
    slipway_module.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    slipway_module.cli("deploy", "linear:v1")
    return slipway_module


def answered(centre):
    """Successful requests as the service counts them."""
    text = requests.get(centre.metrics_url, timeout=30).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("nv_inference_request_success{"))


def test_a_closed_loop_counts_every_answer(centre):
    before = answered(centre)
    told = json.loads(centre.cli("bench", "linear", "--duration", "1s", "--warm-up", "0s",
                                 "--connections", "3", "-o", "json").stdout)
    assert told["loop"] == "closed" and told["failed"] == 0 and told["errors"] == {}
    assert told["requests"] == answered(centre) - before > 0
    latency = told["latencyMs"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    assert told["rate"] == pytest.approx(told["requests"] / told["seconds"])


def test_an_open_loop_keeps_its_rate(centre):
    told = json.loads(centre.cli("bench", "linear", "--rate", "100", "--duration", "2s",
                                 "--warm-up", "0s", "--connections", "16", "-o", "json").stdout)
    # 200 are expected; of a Poisson process 5 standard deviations are 71.
    assert told["loop"] == "open" and 120 <= told["requests"] + told["failed"] <= 280, told


def test_people_read_a_table_and_a_histogram(centre):
    out = centre.cli("bench", "linear", "--duration", "200ms", "--warm-up", "0s").stdout
    assert out.split()[:4] == ["REQUESTS", "FAILED", "RATE", "MEAN"]
    bars = re.findall(r"^ +([\d.]+) ms +(\d+)", out, re.MULTILINE)
    assert sum(int(count) for _, count in bars) == int(out.splitlines()[1].split()[0])


def test_a_service_that_refuses_is_told(centre, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"inputs": []}')
    done = centre.cli("bench", "linear", "--input", wrong, "--duration", "200ms", "--warm-up", "0s",
                      "-o", "json", check=False)
    told = json.loads(done.stdout)
    assert done.returncode != 0 and told["requests"] == 0 and told["failed"] > 0
    assert all(words.startswith("400 ") for words in told["errors"]), told
    assert centre.cli("bench", "nobody", check=False).returncode == 3
    for wrong in (("--duration", "soon"), ("--rate", "0"), ("--connections", "0")):
        assert centre.cli("bench", "linear", *wrong, check=False).returncode == 2
