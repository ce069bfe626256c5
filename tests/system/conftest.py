"""Fixtures of the system tests. What they hand out is described in programs.py.

    slipway          a control centre of its own for each test
    slipway_module   one control centre for all tests of a file
    start_centre     start_centre(*arguments, **options): further or special control centres
    start_serve      start_serve(MODEL, *arguments): `slipway serve` alone

Each is closed with all that it started; the logs are shown when a test fails, and the folders are
kept by pytest's tmp_path.
"""

import os
import shutil
import signal

import pytest

import programs

# Clients and registries that `make peers` built are found like installed ones.
os.environ["PATH"] += os.pathsep + str(programs.CACHE / "peers/bin")

# Who runs the tests under `nohup` ignores SIGHUP, and would hand that down to the programs.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(program): skipped unless `program` is on PATH")


def pytest_runtest_setup(item):
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not on PATH")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the logs of the programs that a failed test used to its report."""
    report = (yield).get_result()
    if not report.failed:
        return
    for value in getattr(item, "funcargs", {}).values():
        for program in value.started if isinstance(value, Starter) else [value]:
            if isinstance(program, programs.Program):
                report.sections.append((f"log of {program.log}", program.log_tail()))


def pytest_terminal_summary(terminalreporter):
    """Shows what tests that passed have to tell: their `record_property("summary", TEXT)`."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "summary":
                terminalreporter.write_line(value)


class Starter:
    """Starts programs of one class in folders of their own, and closes them all."""

    def __init__(self, kind, tmp_path):
        self.kind = kind
        self.tmp_path = tmp_path
        self.started = []

    def __call__(self, *arguments, wait=True, folder=None, **options):
        folder = folder or self.tmp_path / f"{self.kind.__name__.lower()}-{len(self.started)}"
        program = self.kind(folder, *arguments, **options)
        self.started.append(program)
        return program.start(wait=wait)

    def close(self):
        for program in reversed(self.started):
            program.close()


@pytest.fixture
def start_centre(tmp_path):
    starter = Starter(programs.ControlCentre, tmp_path)
    yield starter
    starter.close()


@pytest.fixture
def start_serve(tmp_path):
    starter = Starter(programs.DataPlane, tmp_path)
    yield starter
    starter.close()


@pytest.fixture
def slipway(start_centre):
    return start_centre()


@pytest.fixture(scope="module")
def slipway_module(tmp_path_factory):
    centre = programs.ControlCentre(tmp_path_factory.mktemp("centre"))
    try:
        yield centre.start()
    finally:
        centre.close()
