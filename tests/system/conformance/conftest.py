"""Fixtures of the conformance tests: one control centre for all of them, a repository for each."""

import itertools

import pytest

import programs
from levels import LEVELS
from registry_client import Registry, Repository

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def centre(tmp_path_factory):
    """The control centre that all of these tests share."""
    program = programs.ControlCentre(tmp_path_factory.mktemp("conformance"))
    try:
        yield program.start()
    finally:
        program.close()


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
