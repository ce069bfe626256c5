"""Signing in to the registry: the token service with real clients, and our own `slipway login`."""

import base64
import json
import os
import pty
import select
import shutil
import stat
import subprocess
import time

import pytest
import requests

import programs
from test_registry import MODELS, digest_of

NOT_ALLOWED, USAGE, STATE = 5, 2, 6


@pytest.fixture(name="centre", scope="module")
def centre_with_models(slipway_module):
    """A control centre with a private and a public project."""
    centre = slipway_module
    for name in ("team/linear:v1", "open/linear:v1"):
        centre.cli("push", MODELS / "linear_a.onnx", name)
    make_public(centre, "open", True)
    return centre


def make_public(centre, project, is_public):
    requests.patch(f"{centre.api_url}/api/v1/projects/{project}", timeout=10,
                   headers={**centre.headers, "Content-Type": "application/merge-patch+json"},
                   json={"spec": {"registry": {"anonymousPull": is_public}}}).raise_for_status()


def make_token(centre, name, *arguments):
    return centre.cli("token", "create", name, *arguments).stdout.strip()


def host_of(centre):
    return centre.api_url.removeprefix("http://")


def fetch(centre, *scopes, password=None):
    """The answer of the token service."""
    auth = ("any", password) if password else None
    return requests.get(centre.api_url + "/token", params=[("scope", scope) for scope in scopes],
                        auth=auth, timeout=10)


def bearer(centre, *scopes, password=None):
    return {"Authorization": "Bearer " + fetch(centre, *scopes, password=password).json()["token"]}


class Client:
    """A registry client of another make, in a home of its own."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.environment = {**os.environ, "HOME": str(folder), "DOCKER_CONFIG": str(folder),
                            "REGISTRY_AUTH_FILE": str(folder / "auth.json")}

    def __call__(self, *command, stdin=None, check=True):
        done = subprocess.run([shutil.which(command[0]), *command[1:]], input=stdin, text=True,
                              capture_output=True, timeout=120, check=False, env=self.environment)
        if check:
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done


@pytest.fixture(name="client")
def foreign_client(tmp_path):
    return Client(tmp_path / "client")


# The token service ------------------------------------------------------------------------------


def test_a_token_is_for_its_scope_and_ends_with_its_maker(centre):
    secret = make_token(centre, "short", "--project", "team", "--role", "editor")
    pull = bearer(centre, "repository:team/linear:pull", password=secret)
    tags = centre.api_url + "/v2/team/linear/tags/list"
    uploads = centre.api_url + "/v2/team/linear/blobs/uploads/"
    assert requests.get(tags, headers=pull, timeout=10).json()["tags"] == ["v1"]
    refused = requests.post(uploads, headers=pull, timeout=10)
    assert refused.status_code == 401
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert requests.get(centre.api_url + "/api/v1/projects/team", headers=pull,
                        timeout=10).json()["reason"] == "TOKEN_OF_REGISTRY"
    push = bearer(centre, "repository:team/linear:pull,push", password=secret)
    assert requests.post(uploads, headers=push, timeout=10).status_code == 202
    centre.cli("token", "revoke", "short")
    programs.wait_until(lambda: requests.get(tags, headers=pull, timeout=10).status_code == 401,
                        "the access token to end", interval_s=0.1)
    assert fetch(centre, password=secret).status_code == 401


def test_an_upload_that_began_is_finished_after_its_token_was_revoked(centre):
    secret = make_token(centre, "slow", "--project", "team", "--role", "editor")
    scope = "repository:team/slow:pull,push"
    content = os.urandom(3 << 20)

    def pieces():
        for at in range(0, len(content), 1 << 20):
            yield content[at:at + (1 << 20)]
            if at == 0:
                centre.cli("token", "revoke", "slow")
                url = centre.api_url + "/v2/team/linear/tags/list"
                programs.wait_until(lambda: requests.get(url, headers=push, timeout=10)
                                    .status_code == 401, "the token to end", interval_s=0.1)

    push = bearer(centre, scope, "repository:team/linear:pull", password=secret)
    done = requests.post(f"{centre.api_url}/v2/team/slow/blobs/uploads/",
                         params={"digest": digest_of(content)}, headers=push, data=pieces(),
                         timeout=120)
    assert done.status_code == 201, done.text


def test_an_upload_goes_on_with_the_next_token_after_a_restart(slipway):
    scope = "repository:team/a:pull,push"
    begin = requests.post(slipway.api_url + "/v2/team/a/blobs/uploads/", timeout=10,
                          headers=bearer(slipway, scope, password=slipway.token))
    old = bearer(slipway, scope, password=slipway.token)
    slipway.kill()
    slipway.start()
    # The key is the database's: a token of before is still one.
    assert requests.get(slipway.api_url + "/v2/", headers=old, timeout=10).status_code == 200
    half = requests.patch(slipway.api_url + begin.headers["Location"], data=b"half ", timeout=10,
                          headers=old)
    rest = requests.put(slipway.api_url + half.headers["Location"], data=b"done", timeout=10,
                        params={"digest": digest_of(b"half done")},
                        headers=bearer(slipway, scope, password=slipway.token))
    assert rest.status_code == 201, rest.text


def test_lifetime_and_address_are_settings(start_centre):
    centre = start_centre("--access-token-lifetime", "2m", "--external-url", "https://m.example/")
    challenge = requests.get(centre.api_url + "/v2/", timeout=10).headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="https://m.example/token",')
    assert fetch(centre, password=centre.token).json()["expires_in"] == 120


@pytest.mark.parametrize("arguments, word", [
    (["--access-token-lifetime", "30s"], "60000 to 86400000 ms"),
    (["--access-token-lifetime", "soon"], "--access-token-lifetime"),
    (["--external-url", "models.example"], "--external-url"),
    (["--external-url", "https://models.example/path"], "--external-url"),
])
def test_wrong_settings_are_named(tmp_path, arguments, word):
    done = subprocess.run([str(programs.BINARY), "server", "--data", str(tmp_path / "data"),
                           "--port-base", "0", *arguments], text=True, capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == USAGE
    assert word in done.stderr


# Other clients ----------------------------------------------------------------------------------


@pytest.mark.needs("skopeo")
def test_skopeo_signs_in_copies_and_deletes(centre, client, tmp_path):
    host = host_of(centre)
    secret = make_token(centre, "skopeo", "--project", "team", "--role", "editor")
    refused = client("skopeo", "login", "--tls-verify=false", "-u", "x", "--password-stdin", host,
                     stdin="wrong", check=False)
    assert refused.returncode != 0 and "invalid username/password" in refused.stderr
    client("skopeo", "login", "--tls-verify=false", "-u", "x", "--password-stdin", host,
           stdin=secret)
    copy = ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false",
            "--dest-tls-verify=false"]
    client(*copy, f"docker://{host}/team/linear:v1", f"oci:{tmp_path}/layout:v1")
    client(*copy, f"oci:{tmp_path}/layout:v1", f"docker://{host}/team/skopeo:v1")
    client(*copy, f"docker://{host}/team/linear:v1", f"docker://{host}/team/mounted:v1")
    client("skopeo", "delete", "--tls-verify=false", f"docker://{host}/team/skopeo:v1")
    denied = client(*copy, f"oci:{tmp_path}/layout:v1", f"docker://{host}/open/skopeo:v1",
                    check=False)
    assert denied.returncode != 0 and "editor" in denied.stderr


@pytest.mark.needs("docker")
def test_docker_signs_in_and_keeps_a_refresh_token(centre, client):
    host = host_of(centre)
    secret = make_token(centre, "docker", "--project", "team", "--role", "viewer")
    refused = client("docker", "login", "-u", "x", "--password-stdin", host, stdin="wrong",
                     check=False)
    assert refused.returncode != 0 and "not valid here" in refused.stderr
    client("docker", "login", "-u", "x", "--password-stdin", host, stdin=secret)
    kept = json.loads((client.folder / "config.json").read_text())["auths"][host]
    assert kept["identitytoken"] and secret not in json.dumps(kept)
    assert base64.b64decode(kept["auth"]) == b"x:"
    shown = client("docker", "manifest", "inspect", "--insecure", f"{host}/team/linear:v1").stdout
    assert json.loads(shown)["schemaVersion"] == 2
    # The same file serves us.
    environment = {key: client.environment[key] for key in ("DOCKER_CONFIG", "HOME")}
    assert "onnx" in centre.cli("inspect", f"{host}/team/linear:v1",
                                environment=environment).stdout
    assert client("docker", "manifest", "inspect", "--insecure", f"{host}/open/none:v1",
                  check=False).returncode != 0


@pytest.mark.needs("crane")
def test_crane_gets_the_scopes_that_each_step_needs(centre, client):
    host = host_of(centre)
    secret = make_token(centre, "crane", "--project", "team", "--role", "editor")
    client("crane", "auth", "login", host, "-u", "x", "--password-stdin", stdin=secret)
    client("crane", "copy", "--insecure", f"{host}/team/linear:v1", f"{host}/team/crane:v1")
    assert client("crane", "ls", "--insecure", f"{host}/team/crane").stdout.split() == ["v1"]
    client("crane", "delete", "--insecure", f"{host}/team/crane:v1")
    assert client("crane", "copy", "--insecure", f"{host}/team/linear:v1", f"{host}/open/x:v1",
                  check=False).returncode != 0


@pytest.mark.needs("skopeo")
@pytest.mark.needs("crane")
def test_anybody_pulls_what_is_public(centre, client, tmp_path):
    host = host_of(centre)
    centre.cli("push", MODELS / "linear_a.onnx", "half/linear:v1")
    manifest = f"{centre.api_url}/v2/half/linear/manifests/v1"
    assert requests.get(manifest, timeout=10).status_code == 401
    make_public(centre, "half", True)
    programs.wait_until(lambda: requests.get(manifest, timeout=10).status_code == 200,
                        "the project to open", interval_s=0.1)
    client("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false",
           f"docker://{host}/half/linear:v1", f"oci:{tmp_path}/layout:v1")
    client("crane", "pull", "--insecure", "--format=oci", f"{host}/half/linear:v1",
           str(tmp_path / "crane"))
    refused = client("crane", "copy", "--insecure", f"{host}/half/linear:v1",
                     f"{host}/half/linear:v2", check=False)
    assert refused.returncode != 0 and "UNAUTHORIZED" in refused.stderr
    assert requests.get(centre.api_url + "/api/v1/projects/half", timeout=10).status_code == 401
    pull = bearer(centre, "repository:half/linear:pull,push")
    assert requests.get(manifest, headers=pull, timeout=10).status_code == 200
    make_public(centre, "half", False)
    programs.wait_until(lambda: requests.get(manifest, timeout=10).status_code == 401,
                        "the project to close", interval_s=0.1)
    programs.wait_until(lambda: requests.get(manifest, headers=pull, timeout=10)
                        .status_code == 401, "the token to be worth nothing", interval_s=0.1)


# slipway login ----------------------------------------------------------------------------------


class Home:
    """Our command line with credentials of its own."""

    def __init__(self, centre, folder):
        self.centre = centre
        self.config = folder / "docker/config.json"
        self.environment = {"DOCKER_CONFIG": str(folder / "docker"),
                            "XDG_RUNTIME_DIR": str(folder / "run"), "HOME": str(folder),
                            "PATH": str(folder / "bin") + os.pathsep + os.environ["PATH"]}
        self.environment.pop("REGISTRY_AUTH_FILE", None)
        (folder / "bin").mkdir()
        self.helper = folder / "bin/docker-credential-test"
        self.kept = folder / "kept"

    def cli(self, *arguments, **options):
        return self.centre.cli(*arguments, environment=self.environment, **options)

    def auths(self):
        return json.loads(self.config.read_text())["auths"]

    def add_helper(self, get="cat \"$KEPT\""):
        """A credential helper in three lines of shell, and the file that names it."""
        self.helper.write_text(
            "#!/bin/sh\n"
            f"KEPT={self.kept}\n"
            "case $1 in\n"
            f"get) read -r URL; {get} ;;\n"
            "store) cat > \"$KEPT\" ;;\n"
            "erase) rm \"$KEPT\" ;;\n"
            "esac\n")
        self.helper.chmod(0o755)
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text(json.dumps({"credsStore": "test"}))


@pytest.fixture(name="home")
def home_of_its_own(centre, tmp_path):
    return Home(centre, tmp_path)


def fails(done, code):
    assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert done.stdout == ""
    return done.stderr


def test_login_push_pull_logout(centre, home, tmp_path):
    host = host_of(centre)
    secret = make_token(centre, "ours", "--project", "team", "--role", "editor")
    sentence = fails(home.cli("pull", f"{host}/team/linear:v1", tmp_path / "no", check=False),
                     NOT_ALLOWED)
    assert f"slipway login {host}" in sentence
    home.config.parent.mkdir()
    home.config.write_text('{"proxies": {"default": {}}, "auths": {"other": {"auth": "dTpw"}}}')
    done = home.cli("login", host, "-u", "me", "--password-stdin", stdin=secret + "\n")
    assert done.stdout == f"signed in to {host} as me; kept in {home.config}\n"
    assert secret not in done.stdout + done.stderr
    assert stat.S_IMODE(home.config.stat().st_mode) == 0o600
    assert json.loads(home.config.read_text())["proxies"] == {"default": {}}
    assert set(home.auths()) == {"other", host}
    home.cli("pull", f"{host}/team/linear:v1", tmp_path / "there")
    pulled = (tmp_path / "there/linear_a.onnx").read_bytes()
    assert pulled == (MODELS / "linear_a.onnx").read_bytes()
    home.cli("push", MODELS / "linear_b.onnx", f"{host}/team/linear:ours")
    denied = home.cli("push", MODELS / "linear_b.onnx", f"{host}/open/linear:ours", check=False)
    assert "editor" in fails(denied, NOT_ALLOWED)
    answer = json.loads(home.cli("logout", host, "-o", "json").stdout)
    assert answer["removed"] is True and answer["file"] == str(home.config)
    assert set(home.auths()) == {"other"}
    assert "has nothing for" in home.cli("logout", host).stdout
    home.cli("pull", f"{host}/open/linear:v1", tmp_path / "public")


def test_a_wrong_password_is_told_and_not_kept(centre, home):
    done = home.cli("login", host_of(centre), "-u", "me", "--password-stdin", stdin="wr0ng-secret",
                    check=False)
    sentence = fails(done, NOT_ALLOWED)
    assert "not valid here" in sentence and "wr0ng" not in sentence
    assert not home.config.exists()


@pytest.mark.parametrize("arguments, stdin, word", [
    (["registry"], "x", "HOST:PORT"),
    (["https://registry.example"], "x", "HOST:PORT"),
    (["registry.example/team"], "x", "HOST:PORT"),
    (["registry.example"], "x", "-u"),
    (["registry.example", "-u", "a:b"], "x", "colon"),
    (["registry.example", "-u", "me"], "", "nothing came"),
])
def test_usage_errors(home, arguments, stdin, word):
    done = home.cli("login", *arguments, "--password-stdin", stdin=stdin, check=False)
    assert word in fails(done, USAGE)


def test_a_helper_keeps_the_password(centre, home, tmp_path):
    host = host_of(centre)
    secret = make_token(centre, "helped", "--project", "team", "--role", "viewer")
    home.add_helper()
    done = home.cli("login", host, "-u", "me", "--password-stdin", stdin=secret)
    assert "docker-credential-test" in done.stdout
    assert home.auths() == {host: {}}
    assert json.loads(home.kept.read_text()) == {"ServerURL": host, "Username": "me",
                                                 "Secret": secret}
    home.cli("pull", f"{host}/team/linear:v1", tmp_path / "there")
    home.cli("logout", host)
    assert not home.kept.exists()
    # Without a line of its own, a helper that fails is no pull without credentials.
    home.add_helper(get="echo the keychain is locked; exit 1")
    sentence = fails(home.cli("pull", f"{host}/open/linear:v1", tmp_path / "x", check=False), STATE)
    assert "docker-credential-test get" in sentence and "the keychain is locked" in sentence
    home.helper.unlink()
    sentence = fails(home.cli("pull", f"{host}/open/linear:v1", tmp_path / "x", check=False), STATE)
    assert "docker-credential-test" in sentence and "PATH" in sentence


def converse(home, arguments, answers):
    """Runs the command line on a terminal; returns what it showed, and its exit status."""
    environment = {**home.centre.environment, **home.environment}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(programs.BINARY, [str(programs.BINARY), *arguments], environment)
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
        if answers and answers[0][0] in shown:
            os.write(terminal, answers.pop(0)[1])
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return shown.decode(), status


def test_a_terminal_is_asked_and_shows_no_password(centre, home):
    host = host_of(centre)
    shown, status = converse(home, ["login", host], [(b"User name", b"me\n"),
                                                     (b"Password", centre.token.encode() + b"\n")])
    assert status == 0, shown
    assert f"signed in to {host} as me" in shown
    assert centre.token not in shown
    assert home.auths()[host]["auth"]


def test_ctrl_c_at_the_password_ends_it(centre, home):
    shown, status = converse(home, ["login", host_of(centre), "-u", "me"],
                             [(b"Password", b"ab\x03")])
    assert status == 130, shown
    assert "ab" not in shown.replace("\x03", "").partition("Password")[2].partition("slipway")[0]
    assert not home.config.exists()
