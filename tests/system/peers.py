"""Other people's programs: registries to copy from and to, and clients in homes of their own."""

import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess

import programs

TIMEOUT_S = 120
CONTAINERS_CONF = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


class Clients:
    """A home in which clients are signed in to some registries; nothing of it is the user's."""

    def __init__(self, folder):
        self.home = pathlib.Path(folder)
        self.environment = {
            **os.environ, "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home / "runtime"),
            "DOCKER_CONFIG": str(self.home), "REGISTRY_AUTH_FILE": str(self.home / "config.json"),
            "CONTAINERS_CONF": str(self.home / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.home / "storage.conf"),
            "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", "COSIGN_PASSWORD": "",
            "SIGSTORE_NO_CACHE": "true"}
        self.auths = {}
        (self.home / "runtime").mkdir(parents=True)
        (self.home / "containers.conf").write_text(CONTAINERS_CONF)
        (self.home / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{self.home}/run"\n'
            f'graphroot = "{self.home}/graph"\n')
        policy = self.home / ".config/containers/policy.json"
        policy.parent.mkdir(parents=True)
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')

    def sign_in(self, host, password):
        """Writes the password where all of these clients look for it."""
        self.auths[host] = {"auth": base64.b64encode(f"anyone:{password}".encode()).decode()}
        (self.home / "config.json").write_text(json.dumps({"auths": self.auths}))

    def run(self, *command, check=True, stdin=None):
        """Runs a client; returns its standard output."""
        done = subprocess.run([str(word) for word in command], input=stdin, text=True,
                              capture_output=True, timeout=TIMEOUT_S, check=False, cwd=self.home,
                              env=self.environment)
        if check:
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout if check else done

    def crane(self, verb, *arguments, **options):
        return self.run("crane", verb, "--insecure", *arguments, **options).strip()

    def skopeo_copy(self, source, target, *options):
        """Copies with skopeo; `--all` takes all images of an index along."""
        self.run("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false",
                 *options, source, target)

    def build(self, image, program="podman", **arguments):
        """Builds an image of one file from nothing."""
        context = self.home / "context"
        context.mkdir(exist_ok=True)
        (context / "file").write_bytes(os.urandom(70_000))
        (context / "Containerfile").write_text("FROM scratch\nCOPY file /file\nLABEL made=here\n")
        options = [f"--{name}={value}" for name, value in arguments.items()]
        tag = ["--tag", image] if image else []
        self.run(program, "build", "--quiet", *tag, *options, context)
        return (context / "file").read_bytes()


class DistributionRegistry:
    """Debian's docker-registry, or distribution v3: the same program, eight years apart."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.process = None
        self.host = ""

    def __enter__(self):
        with socket.socket() as probe:  # it cannot say which port it took
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        config = self.folder / "config.yml"
        config.write_text(json.dumps({
            "version": "0.1", "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")},
                        "delete": {"enabled": True}},
            "http": {"addr": self.host}}))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [shutil.which(self.program), "serve", str(config)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=self.folder,
                env={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
        programs.wait_until(self._answers, f"{self.program}: " + str(self.folder / "log"))
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        return programs.answers(f"http://{self.host}/v2/")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(TIMEOUT_S)
