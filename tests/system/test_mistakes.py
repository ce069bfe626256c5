"""What people get wrong, or others prepare for them: the command line says it and stops."""

import os
import re
import subprocess

import pytest

import programs

MODEL = programs.ROOT / "tests/fixtures/models/linear_a.onnx"
USAGE, ACCESS, FULL = 2, 5, 7


@pytest.fixture(scope="module")
def centre(slipway_module):
    return slipway_module


def fails(centre, *arguments, code=USAGE, **options):
    """Runs a command that must exit with this code at once; returns what it says."""
    done = centre.cli(*arguments, check=False, timeout_s=60, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr


def tokens(centre):
    return centre.cli("token", "list", "-o", "name").stdout.split()


def test_push_takes_no_fifo_and_no_device(centre, tmp_path):
    os.mkfifo(tmp_path / "ff")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/model.onnx").write_bytes(MODEL.read_bytes())
    os.mkfifo(tmp_path / "m/pipe.txt")
    assert "ff is a FIFO" in fails(centre, "push", tmp_path / "ff", "x:v1")
    assert "m/pipe.txt is a FIFO" in fails(centre, "push", tmp_path / "m", "x:v1")
    assert "/dev/zero is a device" in fails(centre, "push", "/dev/zero", "x:v1")
    assert "/dev/null is a device" in fails(centre, "push", "/dev/null", "x:v1")
    (tmp_path / "empty.onnx").touch()
    assert "empty.onnx is empty" in fails(centre, "push", tmp_path / "empty.onnx", "x:v1")
    assert "x" not in centre.cli("models", "-o", "name").stdout.split()


def test_push_takes_nothing_from_outside_of_the_folder(centre, tmp_path):
    (tmp_path / "outside.txt").write_text("secret")
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(MODEL.read_bytes())
    (folder / "notes.txt").symlink_to(tmp_path / "outside.txt")
    said = fails(centre, "push", folder, "linked:v1")
    assert f"notes.txt is a link to {tmp_path}/outside.txt, outside of" in said
    (folder / "notes.txt").unlink()
    (folder / "etcdir").symlink_to("/etc")
    assert "etcdir is a link to /etc, outside of" in fails(centre, "push", folder, "linked:v1")
    (folder / "etcdir").unlink()
    (folder / "again.onnx").symlink_to("model.onnx")
    centre.cli("push", folder, "linked:v1")


def test_serve_takes_no_model_from_outside_of_the_folder(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.onnx").symlink_to(MODEL)
    command = [programs.BINARY, "serve", "--port-base", "0"]
    done = subprocess.run([*command, folder], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode != 0
    assert f"model.onnx is a link to {MODEL}, outside of" in done.stderr
    os.mkfifo(tmp_path / "ff.onnx")
    done = subprocess.run([*command, tmp_path / "ff.onnx"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode != 0 and "ff.onnx is not a regular file" in done.stderr
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    done = subprocess.run([*command, nothing], capture_output=True, text=True, timeout=60,
                          check=False)
    assert re.search("no file ends with .*[.]onnx", done.stderr) and "fake" not in done.stderr


def test_a_name_that_is_no_text_is_shown_escaped(centre, tmp_path):
    (tmp_path / "m").mkdir()
    with open(os.fsencode(tmp_path / "m") + b"/wei\xff.onnx", "wb") as file:
        file.write(MODEL.read_bytes())
    assert "'wei\\xff.onnx' is no UTF-8 text" in fails(centre, "push", tmp_path / "m", "x:v1")


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_token_whose_secret_is_lost_is_revoked(centre, output):
    before = tokens(centre)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([programs.BINARY, "token", "create", "lost", "--role", "viewer",
                               "-o", output], stdout=full, stderr=subprocess.PIPE, text=True,
                              env=centre.environment, timeout=60, check=False)
    assert done.returncode == FULL
    assert "secret of token lost could not be written" in done.stderr
    assert "the token was revoked again" in done.stderr
    assert tokens(centre) == before


def test_a_key_to_a_service_that_is_not_there_is_a_warning(centre):
    done = centre.cli("token", "create", "early", "--service", "latecomer")
    assert "warning: there is no service latecomer in project default yet" in done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("name, words", [
    ("1e3", "metadata.name: the value is a number, not a text; write it in quotes"),
    ("true", "metadata.name: the value is a boolean, not a text; write it in quotes"),
    ("[a]", "metadata.name: a text is wanted, not an array"),
])
def test_a_name_that_yaml_takes_for_something_else(centre, name, words):
    document = f"apiVersion: slipway/v1\nkind: Service\nmetadata:\n  name: {name}\nspec: {{}}\n"
    assert words in fails(centre, "apply", "-f", "-", stdin=document)


def test_a_broken_file_of_contexts_says_the_way_out(centre, tmp_path):
    (tmp_path / "slipway").mkdir()
    (tmp_path / "slipway/contexts.json").write_text('{"format": 1, ')
    done = centre.cli("services", check=False, environment={"XDG_CONFIG_HOME": str(tmp_path)})
    assert done.returncode != 0
    assert f"{tmp_path}/slipway/contexts.json: " in done.stderr
    assert "move it away" in done.stderr and "slipway context add" in done.stderr


@pytest.mark.parametrize("verb", ["status", "events"])
def test_what_has_no_names_says_so(centre, verb):
    assert "--output: " in (said := fails(centre, verb, "-o", "name"))
    assert "has no name" in said
