"""The package under test is the one beside these tests; the program is the built one."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "sdk/python/src"))
sys.path.insert(0, str(ROOT / "tests/system"))

import programs  # pylint: disable=wrong-import-position,import-error


@pytest.fixture(scope="session")
def centre(tmp_path_factory):
    """A control centre whose context is the current one."""
    started = programs.ControlCentre(tmp_path_factory.mktemp("centre"))
    try:
        yield started.start()
    finally:
        started.close()


@pytest.fixture
def user(tmp_path, monkeypatch):
    """A user with a home and a local store of their own, and no control centre."""
    monkeypatch.setenv("SLIPWAY_BINARY", str(programs.BINARY))
    monkeypatch.setenv("SLIPWAY_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "SLIPWAY_CONTEXT", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def online(user, centre, monkeypatch):
    """The same with the control centre."""
    monkeypatch.setenv("XDG_CONFIG_HOME", centre.environment["XDG_CONFIG_HOME"])
    return user
