"""Runs the real programs: on free ports of loopback, in temporary folders, ended by pid.

    with ControlCentre(folder) as centre:      # `slipway server` and what it starts
        centre.cli("push", "model.onnx", "fraud:v1")
        requests.get(centre.inference_url + "/v2/health/ready")

Everything that a program starts inherits a marker in its environment; by that, and by that only,
what is left over is found and killed.
"""

import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLIPWAY_BINARY", ROOT / "build/release/bin/slipway"))
CACHE = pathlib.Path(os.environ.get("SLIPWAY_CACHE", pathlib.Path.home() / ".cache/slipway"))
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15
MARKER = "SLIPWAY_TEST_MARKER"


def wait_until(condition, what, timeout_s=START_TIMEOUT_S, interval_s=0.02):
    """Returns the first true value of `condition()`; fails with `what` after the time limit."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s for {what}")
        time.sleep(interval_s)
    return value


def other_build(folder):
    """A copy of the programs that says it is another build: what an upgrade of Slipway brings."""
    build_id = json.loads(subprocess.run([str(BINARY), "version", "-o", "json"], text=True,
                                         capture_output=True, check=True).stdout)["buildId"]
    other = build_id[:-4] + ("0000" if build_id[-4:] != "0000" else "1111")
    root = BINARY.parent.parent
    for source in [BINARY, *(root / "lib/slipway").iterdir()]:
        target = folder / source.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():  # libraries of an engine
            target.symlink_to(source.resolve())
            continue
        shutil.copy(source, target)
        if not source.name.startswith("libonnxruntime"):
            content = target.read_bytes()
            target.write_bytes(content.replace(build_id.encode(), other.encode()))
    return folder / "bin/slipway"


def answers(url, any_status=False, ca=None):
    """True when `url` answers 200, or anything in HTTP; `ca` is the authority of an https one."""
    trusted = ssl.create_default_context(cafile=ca) if ca else None
    try:
        with urllib.request.urlopen(url, timeout=5, context=trusted) as answer:
            return any_status or answer.status == 200
    except urllib.error.HTTPError:
        return any_status
    except OSError:
        return False


class Program:
    """One started `slipway VERB ...`, its folder, its log and its ports."""

    ready_port, ready_path = "", ""  # what answers 200 once the program is ready

    def __init__(self, folder, *arguments, environment=None, ca=None):
        self.folder = pathlib.Path(folder)
        self.ca = ca  # the authority of its certificate, when the arguments name one
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home = self.folder / "home"
        self.home.mkdir(exist_ok=True)
        self.log = self.folder / "program.log"
        self.arguments = [str(argument) for argument in arguments]
        self.marker = uuid.uuid4().hex
        self.environment = {**os.environ, "HOME": str(self.home),
                            "XDG_CONFIG_HOME": str(self.home / ".config"),
                            MARKER: self.marker, **(environment or {})}
        self.environment.pop("SLIPWAY_CONTEXT", None)
        self.process = None
        self.ports = {}
        self.binary = BINARY  # that start() and cli() run

    def command(self):
        """Returns the command line that start() runs."""
        raise NotImplementedError

    def ports_file(self):
        """Returns where the program writes the ports that it took."""
        raise NotImplementedError

    def start(self, wait=True, environment=None):
        """Starts the program, again after stop() or kill(); waits until it is ready."""
        assert BINARY.exists(), f"{BINARY} does not exist: run `make build`"
        assert self.process is None, "it runs already"
        self.ports_file().unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env={**self.environment, **(environment or {})},
                start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        """Waits until the ports are known and the program answers."""
        wait_until(self._has_ports, f"{self.ports_file()}; the log says:\n{self.log_tail()}")
        url = self.url(self.ready_port) + self.ready_path
        wait_until(lambda: self._alive() and answers(url, ca=self.ca),
                   f"200 from {url}; the log says:\n{self.log_tail()}")

    def _alive(self):
        code = self.process.poll()
        assert code is None, f"it exited with {code}:\n{self.log_tail()}"
        return True

    def _has_ports(self):
        self._alive()
        try:
            self.ports = json.loads(self.ports_file().read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return self.ready_port in self.ports

    def url(self, port):
        """Returns the address of one of `api`, `inference_rest`, `metrics`."""
        return f"{'https' if self.ports['tls'] else 'http'}://127.0.0.1:{self.ports[port]}"

    @property
    def inference_url(self):
        """Where the V2 protocol is served."""
        return self.url("inference_rest")

    @property
    def grpc_address(self):
        """Where gRPC's clients connect to."""
        return f"127.0.0.1:{self.ports['inference_grpc']}"

    @property
    def metrics_url(self):
        """Where Prometheus reads."""
        return self.url("metrics") + "/metrics"

    @property
    def pid(self):
        """The id of the started process."""
        return self.process.pid

    def stop(self, timeout_s=STOP_TIMEOUT_S):
        """Asks the program to end, as Ctrl-C would; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"it did not stop in {timeout_s} s:\n{self.log_tail()}") from error
        self.process = None
        return code

    def leave(self, timeout_s=STOP_TIMEOUT_S):
        """Ends the control centre alone, as for an upgrade; the data plane goes on."""
        self.process.send_signal(signal.SIGUSR1)
        code = self.process.wait(timeout_s)
        self.process = None
        return code

    def kill(self):
        """Ends the program, and not what it started, as a crash would."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def family(self):
        """Returns {pid: command line} of all that runs and was started by this program."""
        return family_of(self.marker)

    def close(self):
        """Ends the program and all that it started, whatever state they are in."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        while pids := self.family():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)

    def cli(self, *arguments, check=True, stdin=None, timeout_s=120, environment=None):
        """Runs `slipway ARGUMENTS...` as this program's user; returns the CompletedProcess."""
        done = subprocess.run([str(self.binary), *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, timeout=timeout_s, cwd=self.folder,
                              env={**self.environment, **(environment or {})}, check=False)
        if check:
            assert done.returncode == 0, (
                f"slipway {' '.join(map(str, arguments))} exited with {done.returncode}:\n"
                f"{done.stdout}{done.stderr}")
        return done

    def log_tail(self, lines=60):
        """Returns the last lines of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, *_):
        self.close()


def family_of(marker):
    """Returns {pid: command line} of the running processes that carry the marker."""
    found, wanted = {}, f"{MARKER}={marker}".encode()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and wanted in (entry / "environ").read_bytes().split(b"\0"):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(entry.name)] = command.decode(errors="replace")
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
    return found


class ControlCentre(Program):
    """`slipway server` with the agent and the data plane of the site `local`."""

    ready_port, ready_path = "inference_rest", "/v2/health/live"

    def __init__(self, folder, *arguments, data=None, environment=None, ca=None):
        super().__init__(folder, *arguments, environment=environment, ca=ca)
        self.data = pathlib.Path(data) if data else self.folder / "data"

    def command(self):
        return [str(self.binary), "server", "--data", str(self.data), "--port-base", "0",
                *self.arguments]

    def ports_file(self):
        return self.data / "run/ports.json"

    def wait_ready(self):
        super().wait_ready()
        wait_until(lambda: self._alive() and answers(self.api_url + "/", True, self.ca),
                   f"an answer from {self.api_url}")
        self.save_context()

    def save_context(self):
        """Makes this control centre the one that cli() talks to."""
        authority = ["--ca-file", self.ca] if self.ca else []
        self.cli("context", "add", "test", "--use", "--address", self.api_url,
                 "--inference", self.inference_url, "--token-file", self.token_file, *authority)

    @property
    def api_url(self):
        """Where API, registry and console are served."""
        return self.url("api")

    @property
    def token_file(self):
        """The file with the admin's token."""
        return self.data / "run/admin.token"

    @property
    def token(self):
        """The admin's token."""
        return self.token_file.read_text().strip()

    @property
    def headers(self):
        """The header that makes a request the admin's."""
        return {"Authorization": f"Bearer {self.token}"}

    def log_tail(self, lines=60):
        """Returns the last lines of the logs of the program and of its site."""
        parts = [super().log_tail(lines)]
        for log in sorted(self.data.glob("sites/*/logs/*")):
            text = log.read_text(errors="replace").splitlines()[-lines:]
            parts.append(f"-- {log.relative_to(self.data)}\n" + "\n".join(text))
        return "\n".join(parts)


class DataPlane(Program):
    """`slipway serve MODEL` alone, without a control centre."""

    ready_port, ready_path = "inference_rest", "/v2/health/ready"

    def __init__(self, folder, model, *arguments, environment=None, ca=None):
        super().__init__(folder, *arguments, environment=environment, ca=ca)
        self.model = pathlib.Path(model)

    def command(self):
        return [str(self.binary), "serve", str(self.model), "--port-base", "0", "--ports-file",
                str(self.ports_file()), *self.arguments]

    def ports_file(self):
        return self.folder / "ports.json"
