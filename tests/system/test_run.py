"""`make run`: starts, prints commands that work, goes on with its state, and leaves no process."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import uuid

import pytest
import requests

import programs

READY = "Three commands to try:"
STOP_LIMIT_S = 10


@pytest.fixture
def tree(tmp_path):
    """A tree with what `make run` needs: its state in .run/ is not the developer's."""
    root = tmp_path / "tree"
    root.mkdir()
    for name in ("tools", "examples", "README.md"):
        (root / name).symlink_to(programs.ROOT / name)
    # run.sh finds the tree by its own place, so that is a copy.
    (root / "tools").unlink()
    (root / "tools").mkdir()
    shutil.copy(programs.ROOT / "tools/run.sh", root / "tools/run.sh")
    (root / "build/release").mkdir(parents=True)
    for name in ("bin", "lib"):
        (root / "build/release" / name).symlink_to(programs.BINARY.parents[1] / name)
    (root / "Makefile").write_text("run:\n\t@exec tools/run.sh --port-base $(PORT)\n")
    return root


def free_port_base():
    """A base whose ports are free now: `make run` prints addresses with fixed ports."""
    for base in range(21_000, 60_000, 97):
        with contextlib.ExitStack() as stack:
            try:
                for offset in (0, 2, 80):
                    connection = stack.enter_context(socket.socket())
                    connection.bind(("127.0.0.1", base + offset))
                return base
            except OSError:
                continue
    raise AssertionError("no free ports")


class Run:
    """One `make run` in a session of its own, without a terminal."""

    def __init__(self, tree, port_base):
        self.tree = tree
        self.marker = uuid.uuid4().hex
        self.log = tree / f"run-{self.marker}.log"
        self.home = tree / "home"
        self.environment = {**os.environ, "HOME": str(self.home), "SLIPWAY_CACHE":
                            str(programs.CACHE), programs.MARKER: self.marker}
        for name in ("XDG_CONFIG_HOME", "SLIPWAY_CONTEXT", "MAKEFLAGS", "MAKELEVEL"):
            self.environment.pop(name, None)
        self.home.mkdir(exist_ok=True)
        with open(self.log, "wb") as log:
            self.make = subprocess.Popen(["make", "-C", tree, "run", f"PORT={port_base}"],
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         env=self.environment, start_new_session=True)

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_ready(self):
        def ready():
            assert self.make.poll() is None, self.text()
            return READY in self.text() and self.text().endswith("\n\n")

        programs.wait_until(ready, "the printed commands", timeout_s=60)
        return self

    def commands(self):
        """The printed lines that are commands."""
        lines = self.text().partition(READY)[2].splitlines()
        return [line.strip() for line in lines if line.startswith("  ")]

    def shell(self, command):
        """Runs a printed line as its reader would: in a shell of the same user, elsewhere."""
        done = subprocess.run(command, shell=True, cwd="/", capture_output=True, text=True,
                              env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
                              timeout=60, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def ended(self):
        """Waits for the end of make and of all that it started; returns make's exit status."""
        code = self.make.wait(STOP_LIMIT_S)
        left = programs.family_of(self.marker)
        assert not left, f"{left}\n{self.text()}"
        return code

    def close(self):
        for pid in programs.family_of(self.marker):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.make.wait()


@pytest.fixture
def start(tree):
    started = []
    port_base = free_port_base()

    def start_one():
        started.append(Run(tree, port_base))
        return started[-1]

    yield start_one
    for run in started:
        run.close()


def to_group(run, number):
    os.killpg(run.make.pid, number)


def to_make(run, number):
    run.make.send_signal(number)


def test_the_printed_commands_work_from_anywhere(start):
    run = start().wait_ready()
    commands = run.commands()
    assert len(commands) == 3
    outputs = [run.shell(command) for command in commands]
    assert re.search(r"^magika +Ready", outputs[0], re.MULTILINE)
    assert "Markdown document (markdown," in outputs[1]
    assert outputs[2].startswith("service magika2 serves ")
    printed = dict(re.findall(r"^  ([\w ]+): +(\S+)$", run.text(), re.MULTILINE))
    assert requests.get(printed["API and registry"] + "/healthz", timeout=5).status_code == 200
    token = pathlib.Path(printed["token"])
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text().startswith("slw_")
    contexts = json.loads((run.home / ".config/slipway/contexts.json").read_text())
    assert contexts["current"] == "local-run"
    assert contexts["contexts"][0]["tokenFile"] == str(token)


@pytest.mark.parametrize("to, number", [(to_make, signal.SIGTERM), (to_group, signal.SIGTERM),
                                        (to_group, signal.SIGINT)])
def test_a_signal_ends_everything(start, to, number):
    run = start().wait_ready()
    to(run, number)
    run.ended()
    assert not (run.tree / ".run/run/ports.json").exists(), "the stop was not clean"


@pytest.mark.parametrize("delay_s", [0.05, 0.3, 1.0])
def test_a_signal_during_the_start_ends_everything(start, delay_s):
    run = start()
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.make.wait(delay_s)
    to_group(run, signal.SIGINT)
    run.ended()


def test_the_next_run_goes_on_with_the_state(start):
    run = start().wait_ready()
    run.shell(run.commands()[2])
    token = (run.tree / ".run/run/admin.token").read_text()
    to_make(run, signal.SIGTERM)
    run.ended()
    again = start().wait_ready()
    assert (again.tree / ".run/run/admin.token").read_text() == token
    services = again.shell(f"{again.tree}/build/release/bin/slipway services -o name").split()
    assert services == ["service/magika", "service/magika2"]
    assert "Markdown document" in again.shell(again.commands()[1])
    to_make(again, signal.SIGTERM)
    again.ended()


def test_a_second_run_is_refused_and_leaves_the_first_alone(start):
    first = start().wait_ready()
    second = start()
    assert second.ended() != 0
    pid = json.loads((first.tree / ".run/run/ports.json").read_text())["pid"]
    assert f"slipway: the process {pid} " in second.text()
    assert re.search(r"^magika +Ready", first.shell(f"{first.tree}/build/release/bin/slipway "
                                                    "services"), re.MULTILINE)
    to_make(first, signal.SIGTERM)
    first.ended()
