"""The command line against a real control centre: what each verb prints, and what it returns."""

import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time

import pytest
import requests

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
VERBS = ("push", "pull", "models", "inspect", "deploy", "services", "infer", "upgrade", "rollback",
         "logs", "status", "apply", "get", "describe", "delete", "events", "explain", "token",
         "context", "version")
USAGE, NOT_FOUND, CONFLICT, ACCESS, STATE, UNREACHABLE = 2, 3, 4, 5, 6, 8
REQUEST = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32",
                                  "data": [1, 2, 3, 4]}]})


def load(done):
    return json.loads(done.stdout)


def fails(centre, code, *arguments, **options):
    """Runs a command that must exit with this code; returns its one sentence."""
    done = centre.cli(*arguments, check=False, **options)
    assert done.returncode == code, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("slipway: ")]
    assert len(lines) == 1, done.stderr
    return lines[0].removeprefix("slipway: ")


def answer(centre, service):
    """What the service makes of 1, 2, 3, 4."""
    done = centre.cli("infer", service, "--input", "-", "-o", "json", stdin=REQUEST)
    return load(done)["outputs"][0]["data"]


@pytest.fixture(scope="module")
def centre(slipway_module):
    """A control centre with two versions of a model that differ."""
    slipway_module.cli("push", MODELS / "linear_a.onnx", "linear:a")
    slipway_module.cli("push", MODELS / "linear_b.onnx", "linear:b")
    return slipway_module


# Words ------------------------------------------------------------------------------------------


def test_help_lists_every_verb_and_each_has_examples(centre):
    overview = centre.cli("--help").stdout
    for verb in VERBS:
        assert re.search(rf"^  {verb} ", overview, re.MULTILINE), verb
        shown = centre.cli(verb, "--help").stdout
        if verb in ("token", "context"):
            shown = centre.cli(verb, "list", "--help").stdout
        assert f"Examples:\n  slipway {verb}" in shown, shown


@pytest.mark.parametrize("arguments, word", [
    ((), "a verb is missing: push, "),
    (("deplyo", "a:b"), "did you mean deploy?"),
    (("token", "lits"), "did you mean list?"),
    (("token",), "a verb is missing: create, list, revoke"),
    (("services", "--wacht"), "did you mean --watch?"),
    (("services", "--contxt", "x"), "did you mean --context?"),
    (("services", "extra"), "extra"),
    (("nope",), "nope"),
    (("deploy",), "NAME:TAG"),
    (("deploy", "a:b", "--nope"), "--nope"),
    (("deploy", "a:b", "--threads", "x"), "--threads"),
    (("deploy", "a:b", "--access", "all"), "--access"),
    (("services", "-o", "xml"), "--output"),
    (("get", "nothing"), "nothing"),
    (("delete", "a/b/c"), "KIND/NAME"),
    (("deploy", "Upper:tag"), "Upper:tag"),
    (("deploy", "linear"), "linear:TAG"),
    (("deploy", "registry.example/linear:a"), "registry.example/linear:a"),
])
def test_usage_errors_name_the_word(centre, arguments, word):
    assert word in fails(centre, USAGE, *arguments)


def test_version(centre):
    shown = load(centre.cli("version", "-o", "json"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", shown["version"])
    assert centre.cli("version").stdout.startswith(f"slipway {shown['version']} ")


def test_explain_needs_no_server(centre, tmp_path):
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    kinds = centre.cli("explain", environment=environment).stdout
    assert "service " in kinds and "revision " in kinds
    shown = centre.cli("explain", "service.spec.predictor.threads", environment=environment).stdout
    assert "threads" in shown
    assert "nope" in fails(centre, NOT_FOUND, "explain", "service.spec.nope",
                           environment=environment)


def test_explain_tells_what_the_server_says(centre):
    said = requests.get(centre.api_url + "/api/v1/explain?path=service.spec.predictor",
                        headers=centre.headers).json()
    assert load(centre.cli("explain", "service.spec.predictor", "-o", "json")) == said
    text = " ".join(centre.cli("explain", "service.spec.predictor").stdout.split())
    assert all(field["text"] in text for field in said["fields"])
    kinds = centre.cli("explain", "-o", "name").stdout.split()
    assert {"service", "modelversion", "project"} <= set(kinds)


# Models -----------------------------------------------------------------------------------------


def test_push_says_what_it_did_and_the_same_again_changes_nothing(centre):
    first = load(centre.cli("push", MODELS / "mlp_a.onnx", "pushed:v1", "-o", "json"))
    assert first["changed"] is True
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", first["digest"])
    again = load(centre.cli("push", MODELS / "mlp_a.onnx", "pushed:v1", "-o", "json"))
    assert (again["changed"], again["digest"]) == (False, first["digest"])
    assert "nothing changed" in centre.cli("push", MODELS / "mlp_a.onnx", "pushed:v1").stdout
    other = load(centre.cli("push", MODELS / "mlp_b.onnx", "pushed:v1", "-o", "json"))
    assert other["changed"] is True and other["digest"] != first["digest"]


def test_push_and_pull_of_a_folder_keep_every_byte(centre, tmp_path):
    folder = tmp_path / "model"
    (folder / "assets").mkdir(parents=True)
    (folder / "model.onnx").write_bytes((MODELS / "identity.onnx").read_bytes())
    (folder / "assets/labels.txt").write_text("a\nb\n")
    (folder / "README.md").write_text("# A model\n")
    centre.cli("push", folder, "folder:v1")
    out = tmp_path / "out"
    centre.cli("pull", "folder:v1", out)
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    for name in names:
        assert (out / name).read_bytes() == (folder / name).read_bytes(), name


def test_inspect_shows_files_and_signature(centre):
    shown = load(centre.cli("inspect", "linear:a", "-o", "json"))
    assert shown["format"] == "onnx"
    assert [file["path"] for file in shown["files"]] == ["linear_a.onnx"]
    assert shown["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [1, 4]}]
    assert shown["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [1, 4]}]
    table = centre.cli("inspect", "linear:a").stdout
    for word in ("linear_a.onnx", "FP32", "[1,4]", "sha256:", "onnx"):
        assert word in table
    assert "linear:nope" in fails(centre, NOT_FOUND, "inspect", "linear:nope")


def test_models_lists_tags_and_versions(centre):
    rows = centre.cli("models").stdout.splitlines()
    assert rows[0].split() == ["NAME", "VERSIONS", "TAGS", "AGE"]
    assert any(re.match(r"linear +\d+ +a,b", row) for row in rows), rows
    assert len(load(centre.cli("models", "linear", "-o", "json"))["items"]) >= 2
    digest = load(centre.cli("inspect", "linear:b", "-o", "json"))["digest"]
    short = digest.removeprefix("sha256:")[:12]
    for listed in (("models", "linear"), ("model", "list", "linear", "--remote"),
                   ("model", "list", "--remote"),
                   ("model", "list", "--remote", "--where", "tag = b")):
        rows = centre.cli(*listed).stdout.splitlines()
        assert rows[0].split()[-1] == "TAGS", rows
        assert any(short in row and row.split()[-1] == "b" for row in rows), rows


def test_a_revoked_token_is_told_apart_by_every_verb(centre, tmp_path):
    token = tmp_path / "gone.token"
    token.write_text(centre.cli("token", "create", "gone", "--role", "editor").stdout)
    centre.cli("context", "add", "gone", "--address", centre.api_url, "--token-file", token)
    centre.cli("token", "revoke", "gone")
    programs.wait_until(
        lambda: centre.cli("--context", "gone", "services", check=False).returncode == ACCESS,
        "the token to be refused")
    for verb in (("services",), ("push", MODELS / "mlp_a.onnx", "x:y"), ("pull", "linear:a"),
                 ("inspect", "linear:a"), ("deploy", "linear:a"), ("delete", "x")):
        assert "revoked" in fails(centre, ACCESS, "--context", "gone", *verb), verb
    centre.cli("context", "remove", "gone")


def test_models_are_deleted_unless_a_service_needs_them(centre):
    centre.cli("push", MODELS / "mlp_a.onnx", "going:v1")
    second = load(centre.cli("push", MODELS / "mlp_b.onnx", "going:v2", "-o", "json"))["digest"]
    centre.cli("deploy", "going:v1", "--as", "going")
    refused = fails(centre, STATE, "delete", "model/going")
    assert "service default/going" in refused, refused
    version = f"modelversion/going-{second.removeprefix('sha256:')[:16]}"
    centre.cli("delete", version)
    fails(centre, NOT_FOUND, "inspect", "going:v2")
    fails(centre, NOT_FOUND, "delete", version)
    assert "is not there" in centre.cli("delete", version, "--ignore-missing").stdout
    assert "system" in fails(centre, STATE, "delete", "revision/going-1")
    centre.cli("delete", "going")
    centre.cli("delete", "model/going")
    fails(centre, NOT_FOUND, "inspect", "going:v1")
    assert "going" not in centre.cli("models", "-o", "name").stdout.split()
    assert requests.get(centre.api_url + "/v2/going/tags/list",
                        headers=centre.headers).status_code == 404


def test_a_project_is_deleted_with_all_that_is_in_it_or_not_at_all(centre):
    centre.cli("push", MODELS / "linear_a.onnx", "leaving/linear:v1")
    centre.cli("--project", "leaving", "deploy", "leaving/linear:v1", "--as", "one")
    assert "leaving/linear" in fails(centre, STATE, "delete", "project/leaving")
    centre.cli("--project", "default", "deploy", "leaving/linear:v1", "--as", "elsewhere")
    used = fails(centre, STATE, "delete", "project/leaving", "--cascade")
    assert "service default/elsewhere" in used, used
    centre.cli("--project", "leaving", "get", "service/one")
    centre.cli("delete", "elsewhere")
    centre.cli("delete", "project/leaving", "--cascade")
    fails(centre, NOT_FOUND, "get", "project/leaving")
    assert requests.get(centre.api_url + "/v2/leaving/linear/tags/list",
                        headers=centre.headers).status_code == 404
    assert not load(centre.cli("--project", "leaving", "models", "-o", "json"))["items"]


def test_push_errors_say_what_is_wrong(centre, tmp_path):
    assert "missing.onnx" in fails(centre, NOT_FOUND, "push", tmp_path / "missing.onnx", "x:y")
    assert "no file" in fails(centre, USAGE, "push", tmp_path, "x:y")
    assert "not_a_model.onnx" in fails(centre, USAGE, "push", MODELS / "not_a_model.onnx", "x:y")


# Services ---------------------------------------------------------------------------------------


def test_deploy_upgrade_rollback(centre):
    done = centre.cli("deploy", "linear:a", "--as", "story")
    assert done.stdout.startswith("service story serves default/linear:a@sha256:")
    assert done.stdout.endswith("(revision 1)\n")
    first = answer(centre, "story")

    again = centre.cli("deploy", "linear:a", "--as", "story")
    assert "nothing changed" in again.stdout
    story = load(centre.cli("get", "service", "story", "-o", "json"))
    assert story["status"]["latestRevision"] == 1

    centre.cli("upgrade", "story", "linear:b")
    second = answer(centre, "story")
    assert second != first
    done = centre.cli("rollback", "story")
    assert "default/linear:a@" in done.stdout
    assert answer(centre, "story") == first

    service = load(centre.cli("deploy", "linear:b", "--as", "story", "-o", "json"))
    assert service["status"]["phase"] == "Ready"
    assert answer(centre, "story") == second
    names = centre.cli("get", "revisions", "-l", "slipway/service=story", "-o", "name").stdout
    assert "revision/story-1" in names.split()
    centre.cli("delete", "story")
    assert "story" in fails(centre, NOT_FOUND, "get", "service", "story")


def test_a_tag_that_moved_is_deployed_anew(centre):
    centre.cli("push", MODELS / "linear_a.onnx", "moving:latest")
    centre.cli("deploy", "moving:latest")
    before = answer(centre, "moving")
    centre.cli("push", MODELS / "linear_b.onnx", "moving:latest")
    assert answer(centre, "moving") == before, "a push alone changes no service"
    assert "(revision 2)" in centre.cli("deploy", "moving:latest").stdout
    assert answer(centre, "moving") != before


def test_deploy_returns_at_once_with_no_wait(centre):
    service = load(centre.cli("deploy", "linear:a", "--as", "later", "--no-wait", "-o", "json"))
    assert service["metadata"]["name"] == "later"
    centre.cli("deploy", "linear:a", "--as", "later")
    assert answer(centre, "later")


def test_a_model_that_does_not_load_fails_the_deploy_with_the_reason(centre):
    centre.cli("push", MODELS / "unknown_operator.onnx", "broken:v1")
    sentence = fails(centre, STATE, "deploy", "broken:v1")
    assert sentence.startswith("service broken: revision 1 failed: ")
    assert sentence.count("revision 1 failed") == 1, sentence
    assert len(sentence) > len("service broken: revision 1 failed: ") + 10
    again = fails(centre, STATE, "deploy", "broken:v1")
    assert again.startswith("service broken: revision 1 failed: ")


def test_other_formats_are_kept_but_not_deployed(centre, tmp_path):
    (tmp_path / "model.caffemodel").write_bytes(b"\x80\x04K\x01.")
    centre.cli("push", tmp_path / "model.caffemodel", "forest:v1")
    sentence = fails(centre, STATE, "deploy", "forest:v1")
    assert "it can deploy: onnx" in sentence and "fake" not in sentence, sentence
    assert "forest" in fails(centre, NOT_FOUND, "get", "service", "forest")


def test_unknown_names(centre):
    assert "nope:v1" in fails(centre, NOT_FOUND, "deploy", "nope:v1")
    assert "slipway deploy" in fails(centre, NOT_FOUND, "upgrade", "nope", "linear:a")
    fails(centre, NOT_FOUND, "rollback", "nope")
    fails(centre, NOT_FOUND, "delete", "nope")
    centre.cli("delete", "nope", "--ignore-missing")
    fails(centre, NOT_FOUND, "logs", "nope")
    sentence = fails(centre, NOT_FOUND, "infer", "nope", "--input", "-", stdin=REQUEST)
    assert "nope" in sentence


def test_rollback_without_a_past_says_so(centre):
    centre.cli("deploy", "linear:a", "--as", "fresh")
    assert "fresh" in fails(centre, STATE, "rollback", "fresh")


def test_infer_shows_a_table_and_the_servers_reason(centre):
    centre.cli("deploy", "linear:a", "--as", "table")
    rows = centre.cli("infer", "table", "--input", "-", stdin=REQUEST).stdout.splitlines()
    assert rows[0].split() == ["OUTPUT", "TYPE", "SHAPE", "DATA"]
    assert rows[1].startswith("y ")
    piped = centre.cli("infer", "table", "--input", "/dev/stdin", stdin=REQUEST)
    assert piped.stdout.splitlines() == rows, "a pipe has a path too, as `<(COMMAND)` gives it"
    wrong = REQUEST.replace("FP32", "INT64")
    assert "INT64" in fails(centre, USAGE, "infer", "table", "--input", "-", stdin=wrong)
    assert "missing.json" in fails(centre, NOT_FOUND, "infer", "table", "--input", "missing.json")


def test_logs_are_of_one_service_only(centre):
    centre.cli("deploy", "linear:a", "--as", "loud")
    centre.cli("deploy", "linear:a", "--as", "loud-not")
    lines = centre.cli("logs", "loud").stdout.splitlines()
    assert lines and all("default/loud-not" not in line for line in lines)
    follower = subprocess.Popen([programs.BINARY, "logs", "-f", "loud"], env=centre.environment,
                                stdout=subprocess.PIPE, text=True)
    try:
        for line in lines:
            assert follower.stdout.readline().rstrip("\n") == line
        centre.cli("upgrade", "loud", "linear:b")
        ready, _, _ = select.select([follower.stdout], [], [], 20)
        assert ready, "nothing followed"
    finally:
        follower.send_signal(signal.SIGINT)
        follower.wait(10)


def test_status(centre):
    status = load(centre.cli("status", "-o", "json"))
    assert status["server"]["health"] == status["serve"]["health"] == "ready"
    assert status["serve"]["address"] == centre.inference_url
    os.kill(status["serve"]["pid"], 0)
    assert "data plane" in centre.cli("status").stdout


# Resources --------------------------------------------------------------------------------------

SERVICE = """
apiVersion: slipway/v1
kind: Service
metadata:
  name: applied
  labels:
    team: vision
spec:
  predictor:
    model: linear:a
"""


SECRET = """
kind: Secret
metadata:
  name: kept
spec:
  description: theirs
  data:
    a: hunter1
"""


def test_the_site_says_that_its_ports_take_no_tls(centre):
    site = load(centre.cli("get", "site", "local", "-o", "json"))
    assert [e["tls"] for e in site["status"]["endpoints"]] == [False] * 3


def test_apply_creates_changes_and_leaves(centre, tmp_path):
    file = tmp_path / "service.yaml"
    file.write_text(SERVICE)
    assert centre.cli("apply", "-f", file).stdout == "service/applied created\n"
    assert centre.cli("apply", "-f", file).stdout == "service/applied unchanged\n"
    file.write_text(SERVICE.replace("team: vision", "team: sound"))
    done = centre.cli("apply", "-f", file)
    assert done.stdout == ("service/applied configured\n"
                           "  metadata.labels.team: vision -> sound\n")
    two = SERVICE + "---\n" + SERVICE.replace("name: applied", "name: applied2")
    done = centre.cli("apply", "-f", "-", "-o", "name", stdin=two)
    assert done.stdout.split() == ["service/applied", "service/applied2"]


@pytest.mark.parametrize("change, words", [
    (("model: linear:a", "model: linear:a\n    thread: 2"), "spec.predictor.thread"),
    (("model: linear:a", "model: linear:a\n    threads: -2"), "spec.predictor.threads"),
    (("name: applied", "name: Not A Name"), "metadata.name"),
    (("kind: Service", "kind: Nothing"), "Nothing"),
    (("  name: applied", "  nam: applied"), "metadata.nam"),
    (("model: linear:a", "model: [a"), "document 1"),
])
def test_apply_names_the_field_that_is_wrong(centre, change, words):
    assert words in fails(centre, USAGE, "apply", "-f", "-", stdin=SERVICE.replace(*change))


def test_apply_takes_what_get_printed_whatever_happened_since(centre, tmp_path):
    file = tmp_path / "kept.yaml"
    centre.cli("apply", "-f", "-", stdin=SECRET)
    file.write_text(centre.cli("get", "secret", "kept", "-o", "yaml").stdout)
    assert "version: " in file.read_text() and "uid: " in file.read_text()
    assert centre.cli("apply", "-f", file).stdout == "secret/kept unchanged\n"
    centre.cli("apply", "-f", "-", stdin=SECRET.replace("theirs", "ours"))
    changed = centre.cli("apply", "-f", file).stdout
    assert changed.splitlines()[0] == "secret/kept configured"
    assert "ours" in changed and "theirs" in changed
    centre.cli("delete", "secret/kept")
    assert centre.cli("apply", "-f", file).stdout == "secret/kept created\n"
    url = f"{centre.api_url}/api/v1/projects/default/secrets/kept"
    stale = requests.put(url, data=file.read_bytes(), timeout=30,
                         headers={**centre.headers, "Content-Type": "application/yaml"})
    assert stale.status_code == 412 and stale.json()["reason"] == "VERSION_CONFLICT", stale.text


def test_a_merge_patch_of_a_secret_keeps_the_other_values(centre):
    centre.cli("apply", "-f", "-", stdin=SECRET.replace("kept", "patched"))
    url = f"{centre.api_url}/api/v1/projects/default/secrets/patched"
    for data, keys in [({"b": "hunter2"}, ["a", "b"]), ({"a": None}, ["b"])]:
        answer = requests.patch(url, json={"spec": {"data": data}}, headers=centre.headers,
                                timeout=30)
        assert answer.status_code == 200 and answer.json()["status"]["keys"] == keys, answer.text
        assert "hunter" not in answer.text


def test_get_describe_and_events(centre):
    centre.cli("deploy", "linear:a", "--as", "shown")
    assert "shown" in centre.cli("services").stdout
    wide = centre.cli("get", "services", "-o", "wide").stdout
    assert "token/admin" in wide
    assert load(centre.cli("get", "service/shown", "-o", "json"))["kind"] == "Service"
    assert "kind: Service" in centre.cli("get", "service", "shown", "-o", "yaml").stdout
    assert centre.cli("get", "service", "shown", "-o", "name").stdout == "service/shown\n"
    shown = centre.cli("describe", "shown").stdout
    assert shown.startswith("service/shown\n") and "default/linear:a@sha256:" in shown
    assert load(centre.cli("events", "shown", "-o", "json"))["items"]
    assert "service/shown" in centre.cli("events").stdout.lower()


def test_watch_shows_changes_as_they_come(centre):
    watch = subprocess.Popen([programs.BINARY, "get", "services", "--watch", "-o", "json"],
                             env=centre.environment, stdout=subprocess.PIPE, text=True)
    try:
        centre.cli("deploy", "linear:a", "--as", "watched")
        for line in watch.stdout:
            event = json.loads(line)
            service = event["resource"]
            if service["metadata"]["name"] == "watched" and (
                    service.get("status", {}).get("phase") == "Ready"):
                break
        else:
            pytest.fail("the watch ended")
    finally:
        watch.kill()
        watch.wait()


# Access -----------------------------------------------------------------------------------------


def test_tokens(centre, tmp_path):
    done = centre.cli("token", "create", "reader", "--role", "viewer", "--expires", "1h")
    assert re.fullmatch(r"slw_[0-9a-f]{12}_[a-z2-7]+\n", done.stdout), done.stdout
    assert done.stdout.strip() not in centre.cli("token", "list", "-o", "json").stdout
    assert "reader" in centre.cli("token", "list").stdout
    file = tmp_path / "reader.token"
    file.write_text(done.stdout)
    centre.cli("context", "add", "reader", "--address", centre.api_url, "--token-file", file)
    assert "NAME" in centre.cli("models", "--context", "reader").stdout
    sentence = fails(centre, ACCESS, "--context", "reader", "deploy", "linear:a", "--as", "no")
    assert "editor" in sentence, sentence
    centre.cli("token", "revoke", "reader")
    time.sleep(0.1)  # what is cached of a token lives for seconds, a revoked one much less
    fails(centre, ACCESS, "models", "--context", "reader")
    fails(centre, NOT_FOUND, "token", "revoke", "reader")


def test_a_service_key_opens_one_service(centre):
    centre.cli("deploy", "linear:a", "--as", "locked", "--access", "token")
    key = centre.cli("token", "create", "--service", "locked").stdout.strip()
    url = centre.inference_url + "/v2/models/{}/infer"

    def status(service, token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.post(url.format(service), data=REQUEST, headers=headers,
                             timeout=10).status_code

    programs.wait_until(lambda: status("locked", key) == 200, "the key to work")
    assert status("locked", "") == 401
    assert status("locked", "slw_0123456789ab_wrong") == 401
    centre.cli("deploy", "linear:a", "--as", "locked2", "--access", "token")
    assert status("locked2", key) in (401, 403)
    assert requests.get(centre.api_url + "/api/v1/projects/default/services",
                        headers={"Authorization": f"Bearer {key}"}, timeout=10).status_code == 403


# Contexts ---------------------------------------------------------------------------------------


def test_contexts(centre, tmp_path):
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}

    def cli(*arguments, **options):
        return centre.cli("context", *arguments, environment=environment, **options)

    assert "slipway context add" in fails(centre, STATE, "services", environment=environment)
    cli("add", "one", "--address", centre.api_url, "--token-file", centre.token_file)
    cli("add", "two", "--address", "http://127.0.0.1:9")
    assert "two" in cli("list").stdout
    assert load(cli("show", "-o", "json"))["name"] == "one"
    file = tmp_path / "slipway/contexts.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert centre.token not in file.read_text()

    centre.cli("services", environment=environment)
    sentence = fails(centre, UNREACHABLE, "services", "--context", "two", environment=environment)
    assert "two" in sentence and "127.0.0.1:9" in sentence
    fails(centre, UNREACHABLE, "services", environment={**environment, "SLIPWAY_CONTEXT": "two"})
    cli("use", "two")
    fails(centre, UNREACHABLE, "services", environment=environment)
    fails(centre, NOT_FOUND, "services", "--context", "three", environment=environment)
    cli("remove", "two")
    assert cli("list", "-o", "name").stdout == "one\n"
    assert "https" in fails(centre, USAGE, "context", "add", "far", "--address",
                            "http://far.example:8080", environment=environment)


# Terminals --------------------------------------------------------------------------------------


def run_on_terminal(centre, *arguments):
    """Runs a command whose standard error is a terminal; returns what the terminal got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([programs.BINARY, *map(str, arguments)], stdout=subprocess.DEVNULL,
                               stderr=theirs, env={**centre.environment, "TERM": "xterm"})
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(60) == 0, shown
    return shown


def test_push_draws_a_bar_on_a_terminal_and_plain_lines_in_a_pipe(centre, tmp_path):
    weights = tmp_path / "weights.joblib"
    weights.write_bytes(os.urandom(30_000_000))
    assert b"\r\x1b[K[#" in run_on_terminal(centre, "push", weights, "big:v1")
    weights.write_bytes(os.urandom(30_000_000))
    done = centre.cli("push", weights, "big:v2")
    assert "weights.joblib: 30.0 MB" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_names_from_a_server_cannot_steer_the_terminal(centre):
    file = SERVICE.replace("name: applied", "name: escaped") + '  # x\n'
    file = file.replace("team: vision", "team: vision\n  annotations:\n    note: \"\\e[2Jgone\"")
    centre.cli("apply", "-f", "-", stdin=file)
    assert "\x1b" not in centre.cli("describe", "escaped").stdout


def test_a_closed_pipe_ends_quietly(centre):
    done = subprocess.run(f"{programs.BINARY} get models -o json | head -c 1", shell=True,
                          text=True, capture_output=True, env=centre.environment, check=False)
    assert done.stderr == ""


def test_a_full_disk_is_an_error(centre):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([programs.BINARY, "models"], stdout=full, stderr=subprocess.PIPE,
                              text=True, env=centre.environment, check=False)
    assert done.returncode == 7
    assert "standard output" in done.stderr


def test_arguments_never_hold_secrets(centre):
    for verb in VERBS:
        shown = centre.cli(verb, "--help").stdout
        assert not re.search(r"--(token|password|secret)\b", shown), verb
    assert pathlib.Path(centre.token_file).stat().st_mode & 0o777 == 0o600
