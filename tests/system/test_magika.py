"""The sample model on real input: the example client against the original package."""

import pathlib
import subprocess
import sys

import magika
import pytest

import sample_files

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "magika"))
import identify  # noqa: E402  (lives in examples/, not in a package)

SCORE_TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return sample_files.write_all(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def expected(files):
    oracle = magika.Magika()
    return {path: oracle.identify_path(path).prediction for path in files}


@pytest.fixture(scope="module")
def service(slipway_module):
    slipway_module.cli("push", identify.default_assets(), "magika:v3.3")
    slipway_module.cli("deploy", "magika:v3.3")
    return identify.Service(slipway_module.inference_url, "magika")


def test_generated_files_cover_the_field(files, expected):
    assert len(files) >= 200
    assert len({str(answer.output.label) for answer in expected.values()}) >= 20


def test_answers_equal_the_original(files, expected, service):
    rules = identify.Rules(identify.default_assets())
    wrong = []
    for path, answer in identify.identify(rules, service, files):
        want = expected[path]
        same = (answer.label == str(want.output.label)
                and answer.model_label == str(want.dl.label)
                and abs(answer.score - want.score) <= SCORE_TOLERANCE)
        if not same:
            wrong.append((path.name, answer, str(want.output.label), want.score))
    assert not wrong


def test_batches_give_the_same_labels(files, expected, service):
    rules = identify.Rules(identify.default_assets())
    sure = [path for path in files if expected[path].score > 0.9]
    for path, answer in identify.identify(rules, service, sure, batch=16):
        assert answer.label == str(expected[path].output.label), path.name


def test_program_prints_the_type(slipway_module, service, files):
    path = next(path for path in files if path.name == "whole-0.py")
    done = subprocess.run(
        [sys.executable, ROOT / "examples/magika/identify.py", "--url",
         slipway_module.inference_url, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{path}: Python source (python, ")


def test_program_says_what_is_wrong(slipway_module, service, tmp_path):
    def run(*arguments):
        return subprocess.run([sys.executable, ROOT / "examples/magika/identify.py", *arguments],
                              capture_output=True, text=True, check=False)

    missing = run("--url", slipway_module.inference_url, tmp_path / "missing")
    assert (missing.returncode, missing.stderr) == (
        1, f"{tmp_path / 'missing'}: No such file or directory\n")
    unknown = run("--url", slipway_module.inference_url, "--service", "nope", __file__)
    assert unknown.returncode == 1
    assert "answered 404: Request for unknown model: 'nope' is not found" in unknown.stderr
