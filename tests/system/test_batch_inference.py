"""`slipway infer --batch`: every request once, in order, resumed where it was cut."""

import json
import os
import signal
import subprocess

import pytest

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
STATE_OF_BAD_USE = 2


@pytest.fixture(scope="module")
def centre(slipway_module):
    slipway_module.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    slipway_module.cli("deploy", "linear:v1")
    slow = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}], "delayUs": 20_000}
    path = slipway_module.folder / "slow.fake.json"
    path.write_text(json.dumps(slow))
    slipway_module.cli("push", path, "slow:v1")
    slipway_module.cli("deploy", "slow:v1")
    return slipway_module


def request(number, shape=(1, 4)):
    return {"id": str(number), "inputs": [
        {"name": "x", "datatype": "FP32", "shape": list(shape), "data": [number] * 4}]}


def write(path, requests):
    path.write_text("".join(json.dumps(one) + "\n" for one in requests))
    return path


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_request_has_its_answer_in_its_line(centre, tmp_path):
    source = write(tmp_path / "in.jsonl", [request(n) for n in range(500)])
    out = tmp_path / "out.jsonl"
    told = json.loads(centre.cli("infer", "linear", "--batch", source, "--out", out, "--jobs", "8",
                                 "-o", "json").stdout)
    assert (told["requests"], told["failed"], told["before"]) == (500, 0, 0)
    rows = rows_of(out)
    assert [row["index"] for row in rows] == list(range(500))
    assert [row["response"]["id"] for row in rows] == [str(n) for n in range(500)]
    assert rows[7]["input"] == "in.jsonl:8"
    # Once more is nothing to do.
    before = out.read_bytes()
    again = json.loads(centre.cli("infer", "linear", "--batch", source, "--out", out,
                                  "-o", "json").stdout)
    assert again["before"] == 500 and out.read_bytes() == before


def test_a_folder_and_what_is_refused(centre, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.json").write_text(json.dumps(request(2), indent=2))
    write(folder / "a.jsonl", [request(0), request(1, shape=(1, 5))])
    (folder / "a.jsonl").open("a").write("\n  \nnot json\n")
    (folder / "notes.txt").write_text("no request")
    out = tmp_path / "out.jsonl"
    done = centre.cli("infer", "linear", "--batch", folder, "--out", out, check=False)
    assert done.returncode != 0 and "2 of 4 requests were refused" in done.stderr, done.stderr
    rows = rows_of(out)
    assert [row["input"] for row in rows] == ["a.jsonl:1", "a.jsonl:2", "a.jsonl:5", "b.json"]
    assert ["error" in row for row in rows] == [False, True, True, False]
    assert rows[1]["error"]["status"] == 400 and "shape" in rows[1]["error"]["message"]


def test_a_run_that_was_killed_goes_on(centre, tmp_path):
    source = write(tmp_path / "in.jsonl", [request(n) for n in range(600)])
    out = tmp_path / "out.jsonl"
    command = ("infer", "slow", "--batch", source, "--out", out, "--jobs", "2")
    killed = subprocess.Popen([programs.BINARY, *map(str, command)], env=centre.environment,
                              stderr=subprocess.DEVNULL)
    programs.wait_until(lambda: out.exists() and len(out.read_bytes().splitlines()) >= 30,
                        "the first answers")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    # What a cut write leaves.
    with out.open("ab") as file:
        file.write(b'{"index":9999,"inp')
    told = json.loads(centre.cli(*command, "-o", "json").stdout)
    assert told["requests"] == 600 and 30 <= told["before"] < 600
    assert [row["response"]["id"] for row in rows_of(out)] == [str(n) for n in range(600)]


def test_what_is_no_output_of_this_input_is_left_alone(centre, tmp_path):
    source = write(tmp_path / "in.jsonl", [request(n) for n in range(3)])
    notes = tmp_path / "notes.txt"
    for content in ("my notes\n", "my notes", '{"index":1,"input":"x","sha256":"y"}\n'):
        notes.write_text(content)
        done = centre.cli("infer", "linear", "--batch", source, "--out", notes, check=False)
        assert done.returncode == STATE_OF_BAD_USE and "--out" in done.stderr, done.stderr
        assert notes.read_text() == content
    out = tmp_path / "out.jsonl"
    centre.cli("infer", "linear", "--batch", source, "--out", out)
    before = out.read_bytes()
    for others in ([request(n) for n in range(5, 9)], [request(0)]):
        other = write(tmp_path / "other.jsonl", others)
        done = centre.cli("infer", "linear", "--batch", other, "--out", out, check=False)
        assert done.returncode == STATE_OF_BAD_USE, done.stderr
        assert out.read_bytes() == before


def test_what_no_request_would_get_past_ends_it_at_once(centre, tmp_path):
    source = write(tmp_path / "in.jsonl", [request(n) for n in range(100)])
    out = tmp_path / "out.jsonl"
    done = centre.cli("infer", "nobody", "--batch", source, "--out", out, check=False)
    assert done.returncode == 3 and "0 answers are in" in done.stderr, done.stderr
    assert out.read_bytes() == b""
    for wrong in (("--batch", source), ("--out", out), ()):
        done = centre.cli("infer", "linear", *wrong, check=False)
        assert done.returncode == STATE_OF_BAD_USE, done.stderr
    done = centre.cli("infer", "linear", "--batch", tmp_path / "none.jsonl", "--out", out,
                      check=False)
    assert done.returncode == 3 and "none.jsonl" in done.stderr, done.stderr


def test_a_data_plane_that_comes_back_is_waited_for(start_centre, tmp_path):
    centre = start_centre()
    centre.cli("push", MODELS / "linear_a.onnx", "linear:v1")
    centre.cli("deploy", "linear:v1")
    source = write(tmp_path / "in.jsonl", [request(n) for n in range(3000)])
    out = tmp_path / "out.jsonl"
    running = subprocess.Popen(
        [programs.BINARY, "infer", "linear", "--batch", str(source), "--out", str(out), "--jobs",
         "1"], env=centre.environment, stderr=subprocess.PIPE, text=True)
    programs.wait_until(lambda: out.exists() and out.read_bytes().count(b"\n") >= 20,
                        "the first answers")
    serve = next(pid for pid, line in centre.family().items() if " serve" in line)
    os.kill(serve, signal.SIGKILL)  # the agent starts another
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors
    assert [row["response"]["id"] for row in rows_of(out)] == [str(n) for n in range(3000)]
