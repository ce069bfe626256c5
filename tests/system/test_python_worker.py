"""The worker of Python models, spoken to as the data plane does: docs/formats/worker.md."""

import contextlib
import fcntl
import importlib.util
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

import numpy
import pytest

import programs

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "src/engine/python/worker.py"
PREDICTOR = '''
import pathlib
import time

INPUTS = [("x", "FP32", [1])]
OUTPUTS = [("calls", "INT32", [1])]
calls = 0


def load(folder):
    return pathlib.Path(folder) / "go"


def predict(go, inputs):
    global calls
    calls += 1
    if inputs["x"][0] == 1:
        print("waits", flush=True)
        while not go.exists():
            time.sleep(0.01)
    return {"calls": [calls]}
'''
AT_DESCRIPTOR_3 = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execv(sys.executable, [sys.executable, "-u", "-B", sys.argv[2]])
"""
CANCELLED, DEADLINE_EXCEEDED = 1, 4
SECOND = 10 ** 9


def load_script():
    spec = importlib.util.spec_from_file_location("slipway_worker", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worker = load_script()


def make_segment(size=4096):
    segment = os.memfd_create("slipway-worker-test", os.MFD_ALLOW_SEALING)
    os.ftruncate(segment, size)
    fcntl.fcntl(segment, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return segment


class Session:
    """A session of the worker, in the place of serve."""

    def __init__(self, control, number):
        self.number, self.runs = number, 0
        self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.settimeout(120)
        frame = worker.Writer(worker.OPEN)
        frame.number("I", number)
        socket.send_fds(control, [frame.bytes()], [theirs.fileno()])
        theirs.close()

    def run(self, value, deadline=worker.NO_DEADLINE, size=4096):
        self.runs += 1
        segments = [make_segment(size), make_segment(size)]
        os.pwrite(segments[0], numpy.float32(value).tobytes(), 0)
        frame = worker.Writer(worker.RUN)
        frame.number("QqIII", self.runs, deadline, 1, 1, 1)
        frame.number("II", 0, worker.TYPES["FP32"][0])
        frame.dims([1])
        frame.number("QQII", 0, 4, 1, 0)
        socket.send_fds(self.line, [frame.bytes()], segments)
        os.close(segments[0])
        self.output = segments[1]

    def answer(self):
        """What predict() counted, or the code of the failure."""
        frame = worker.Reader(self.line.recv(worker.MAX_FRAME))
        kind = frame.number("I")
        if kind == worker.FAILED:
            return {"code": frame.number("I"), "reason": frame.text()}
        assert kind == worker.DONE
        return {"calls": struct.unpack("<i", os.pread(self.output, 4, 0))[0]}


class Process:
    def __init__(self, folder):
        self.folder = folder
        (folder / "predictor.py").write_text(PREDICTOR)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(120)
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_DESCRIPTOR_3, str(theirs.fileno()), SCRIPT],
            pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, text=True)
        theirs.close()
        frame = worker.Writer(worker.LOAD)
        frame.number("IIi", worker.PROTOCOL, 0, -1)
        for text in ("python", str(folder / "predictor.py"), ""):
            frame.text(text)
        self.control.send(frame.bytes())
        assert worker.Reader(self.control.recv(worker.MAX_FRAME)).number("I") == worker.LOADED
        self.sessions = 0

    def open(self):
        self.sessions += 1
        return Session(self.control, self.sessions)

    def interrupt(self, session):
        frame = worker.Writer(worker.INTERRUPT)
        frame.number("IQ", session.number, session.runs)
        self.control.send(frame.bytes())

    def stdout_line(self):
        return self.process.stdout.readline().rstrip()

    def drop(self, session, is_input, is_output):
        frame = worker.Writer(worker.DROP)
        frame.number("II", is_input, is_output)
        session.line.send(frame.bytes())

    def segments(self):
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
        return maps.count("memfd:slipway-worker-test")

    def let_go(self):
        (self.folder / "go").touch()

    def close(self):
        self.control.close()
        self.process.wait(120)
        self.process.stdout.close()


@pytest.fixture
def process(tmp_path):
    with contextlib.closing(Process(tmp_path)) as running:
        yield running


@pytest.fixture
def busy(process):
    """predict() is under way in the first session until it is let go."""
    session = process.open()
    session.run(1)
    assert process.stdout_line() == "waits"
    return session


def test_a_run_whose_time_is_over_is_not_begun(process, busy):
    hurried = process.open()
    for _ in range(2):
        hurried.run(0, time.monotonic_ns() + SECOND // 10)
        assert hurried.answer() == {"code": DEADLINE_EXCEEDED, "reason": "RUN_DEADLINE"}
    process.let_go()
    assert busy.answer() == {"calls": 1}
    hurried.run(0, time.monotonic_ns() - 1)
    assert hurried.answer() == {"code": DEADLINE_EXCEEDED, "reason": "RUN_DEADLINE"}
    hurried.run(0, time.monotonic_ns() + 3600 * SECOND)
    assert hurried.answer() == {"calls": 2}, "nothing else was run"


def test_a_run_that_was_interrupted_is_not_begun(process, busy):
    left, patient = process.open(), process.open()
    left.run(0)
    patient.run(0)
    process.interrupt(left)
    assert left.answer() == {"code": CANCELLED, "reason": "RUN_CANCELLED"}
    process.interrupt(busy)  # which nothing can end
    process.let_go()
    assert busy.answer() == {"calls": 1}
    assert patient.answer() == {"calls": 2}
    left.run(0)
    assert left.answer() == {"calls": 3}, "the session goes on"


def test_segments_go_when_they_are_dropped_and_with_their_session(process):
    first, second = process.open(), process.open()
    for calls, session in enumerate((first, second), 1):
        session.run(0)
        assert session.answer() == {"calls": calls}
    assert process.segments() == 4
    process.drop(first, True, False)
    programs.wait_until(lambda: process.segments() == 3, "the input to go")
    process.drop(first, False, True)
    programs.wait_until(lambda: process.segments() == 2, "the output to go")
    first.run(0)
    assert first.answer() == {"calls": 3}, "the session goes on"
    second.line.close()
    programs.wait_until(lambda: process.segments() == 2, "the session to end")


def test_sessions_that_closed_are_forgotten(process):
    for number in range(1, 4):
        session = process.open()
        session.run(0)
        assert session.answer() == {"calls": number}
        session.line.close()
        process.interrupt(session)
