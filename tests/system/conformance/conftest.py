"""Fixtures of the conformance tests: one control centre for all of them, a repository for each."""

import itertools
import os
import re

import pytest

import programs
from levels import LEVELS
from registry_client import Registry, Repository

NUMBERS = itertools.count()


class OtherRegistry:
    """A registry of somebody else, named by CONFORMANCE_URL: to see what these tests find there.
    Tests that need more than the protocol fail."""
    token = os.environ.get("CONFORMANCE_PASSWORD", "")

    def __init__(self, url):
        self.api_url = url


@pytest.fixture(scope="session")
def centre(tmp_path_factory):
    """The control centre that all of these tests share."""
    if url := os.environ.get("CONFORMANCE_URL"):
        yield OtherRegistry(url)
        return
    program = programs.ControlCentre(tmp_path_factory.mktemp("conformance"))
    try:
        yield program.start()
    finally:
        program.close()


def pytest_terminal_summary(terminalreporter):
    """Prints how many cases of each file passed: the table of docs/conformance.md."""
    counts = {}
    for status in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(status, []):
            path, _, name = report.nodeid.partition("::")
            if "/conformance/" not in path:
                continue
            group = path.rpartition("/test_")[2].removesuffix(".py").replace("_", " ")
            for part in re.findall(r"\[(?:.*-)?(1\.1|dev)(?:-.*)?\]$", name):
                group += f", {part}"
            counts.setdefault(group, {}).setdefault(status, 0)
            counts[group][status] += 1
    if counts:
        terminalreporter.section("conformance of the registry")
    for group, found in sorted(counts.items()):
        terminalreporter.write_line(f"{group:28}" + "".join(
            f"{number:6} {status}" for status, number in found.items()))


@pytest.fixture(scope="session")
def registry(centre):
    """The admin, who answers challenges."""
    client = Registry(centre.api_url, ("anyone", centre.token))
    yield client
    client.close()


@pytest.fixture(scope="session")
def new_repository(registry):
    """new_repository(): a repository that nothing was pushed to."""
    return lambda: Repository(registry, f"conformance/repository-{next(NUMBERS)}")


@pytest.fixture
def repository(new_repository):
    """A repository of this test alone."""
    return new_repository()


@pytest.fixture(scope="module", params=LEVELS)
def level(request):
    """Both versions, one after the other."""
    return LEVELS[request.param]


@pytest.fixture(scope="module", params=["sha256", "sha512"])
def algorithm(request):
    """Both algorithms, one after the other."""
    return request.param
