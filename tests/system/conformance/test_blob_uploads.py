"""The suite's cases of blobs: each way to push, for each algorithm, at both levels."""

import os

import pytest

import push_forms
from registry_client import OCTETS, digest_of, with_query

SIZES = {"chunked": 3067, "chunked, last in put": 3067, "out of order": 3067,
         "out of order, last in put": 3067}
# Of the forms that can send nothing.
EMPTY_FORMS = ["post only", "post and put", "chunked", "streamed", "streamed in chunks"]


def check_created(answer, repository, content, digest, level):
    """201, and the address that it names has the content."""
    answer.expect(201, {"Location": repository.blob(digest), "Content-Length": "0"})
    level.check_digest(answer, digest)
    check_blob(repository, content, digest, level)
    repository.registry.get(answer.target()).expect(200, body=content)


def check_blob(repository, content, digest, level):
    """HEAD and GET, which say the same."""
    head = repository.registry.head(repository.blob(digest))
    got = repository.registry.get(repository.blob(digest))
    for answer in (head, got):
        answer.expect(200, {"Content-Length": str(len(content)),
                            "Content-Type": "application/octet-stream"})
        level.check_digest(answer, digest)
    assert got.body == content


def delete_at_once(repository, digest):
    """202, and from then on the blob is not there."""
    repository.registry.delete(repository.blob(digest)).expect(202)
    repository.registry.head(repository.blob(digest)).expect(404)
    repository.registry.get(repository.blob(digest)).expect_error(404, "BLOB_UNKNOWN")
    repository.registry.delete(repository.blob(digest)).expect_error(404, "BLOB_UNKNOWN")


def test_a_blob_that_was_not_pushed_is_missing(repository, algorithm, level):
    repository.push_blob(b"so that the repository exists")
    target = repository.blob(digest_of(os.urandom(64), algorithm))
    repository.registry.get(target).expect_error(404, "BLOB_UNKNOWN")
    repository.registry.head(target).expect(404, {"Content-Type": "application/json"})


@pytest.mark.parametrize("form", push_forms.FORMS)
def test_push(repository, algorithm, level, form):
    content = os.urandom(SIZES.get(form, 512))
    digest = digest_of(content, algorithm)
    answer = push_forms.FORMS[form](repository, content, digest)
    check_created(answer, repository, content, digest, level)
    delete_at_once(repository, digest)


@pytest.mark.parametrize("form", push_forms.FORMS)
def test_push_of_more_than_the_database_keeps(repository, algorithm, level, form):
    content = os.urandom(300_001)
    digest = digest_of(content, algorithm)
    answer = push_forms.FORMS[form](repository, content, digest)
    check_created(answer, repository, content, digest, level)
    delete_at_once(repository, digest)


def test_push_of_a_blob_that_is_there(repository, algorithm, level):
    content = os.urandom(512)
    digest = digest_of(content, algorithm)
    for form in push_forms.FORMS.values():
        check_created(form(repository, content, digest), repository, content, digest, level)


@pytest.mark.parametrize("form", push_forms.FORMS)
def test_bad_digest_is_refused(repository, algorithm, level, form):
    content = os.urandom(3067)
    digest = digest_of(content, algorithm)
    answer = push_forms.FORMS[form](repository, content + b"oh no", digest)
    answer.expect_error(400, "DIGEST_INVALID")
    repository.registry.head(repository.blob(digest)).expect(404)
    actual = digest_of(content + b"oh no", algorithm)
    repository.registry.head(repository.blob(actual)).expect(404)


@pytest.mark.parametrize("form", EMPTY_FORMS)
def test_push_of_zero_bytes(repository, algorithm, level, form):
    digest = digest_of(b"", algorithm)
    answer = push_forms.FORMS[form](repository, b"", digest)
    check_created(answer, repository, b"", digest, level)
    delete_at_once(repository, digest)


def test_push_of_zero_bytes_without_body_and_type(repository, algorithm, level):
    digest = digest_of(b"", algorithm)
    answer = repository.registry.send("POST", with_query(repository.uploads, digest=digest), None)
    check_created(answer, repository, b"", digest, level)
    delete_at_once(repository, digest)
    location = repository.registry.send("POST", repository.uploads, None).expect(202).target()
    answer = repository.registry.send("PUT", with_query(location, digest=digest), None)
    check_created(answer, repository, b"", digest, level)


@pytest.mark.parametrize("form", [*EMPTY_FORMS, "chunked single"])
def test_push_of_the_empty_json(repository, algorithm, level, form):
    digest = digest_of(b"{}", algorithm)
    answer = push_forms.FORMS[form](repository, b"{}", digest)
    check_created(answer, repository, b"{}", digest, level)
    delete_at_once(repository, digest)


def test_a_cancelled_upload_is_gone(repository, level):
    location = repository.begin()
    location = push_forms.take_piece(repository, location, 0, b"some bytes")
    repository.registry.delete(location).expect(204, body=b"")
    for answer in (repository.registry.get(location),
                   repository.registry.delete(location),
                   push_forms.patch(repository, location, 10, b"more"),
                   push_forms.close(repository, location, digest_of(b"some bytes"))):
        answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN")
    repository.registry.head(repository.blob(digest_of(b"some bytes"))).expect(404)


def test_mount(new_repository, algorithm, level):
    source, target = new_repository(), new_repository()
    content = os.urandom(512)
    digest = source.push_blob(content, digest_of(content, algorithm))
    answer = source.registry.send(
        "POST", with_query(target.uploads, mount=digest, **{"from": source.name}))
    check_created(answer, target, content, digest, level)
    delete_at_once(target, digest)
    check_blob(source, content, digest, level)
    delete_at_once(source, digest)


def test_anonymous_mount(new_repository, algorithm, level):
    source, target = new_repository(), new_repository()
    content = os.urandom(512)
    digest = source.push_blob(content, digest_of(content, algorithm))
    asked = with_query(target.uploads, mount=digest)
    source.registry.send("POST", asked).expect(202)  # the token's scope names the target alone
    answer = source.registry.by_password().send("POST", asked)
    check_created(answer, target, content, digest, level)
    delete_at_once(source, digest)
    check_blob(target, content, digest, level)
    delete_at_once(target, digest)


@pytest.mark.parametrize("source", ["a repository without it", "a repository that is not there",
                                    "no name of a repository", "none"])
def test_mount_of_a_missing_blob_becomes_an_upload(new_repository, algorithm, level, source):
    other, target = new_repository(), new_repository()
    other.push_blob(b"another blob")
    content = os.urandom(512)
    digest = digest_of(content, algorithm)
    names = {"a repository without it": other.name, "no name of a repository": "NOT/A NAME",
             "a repository that is not there": "conformance/nowhere"}
    query = {"from": names[source]} if source in names else {}
    answer = target.registry.send("POST", with_query(target.uploads, mount=digest, **query))
    answer.expect(202, {"Range": "0-0"})
    answer = target.registry.send("PUT", with_query(answer.target(), digest=digest), content,
                                  OCTETS)
    check_created(answer, target, content, digest, level)


RANGES = {"500-1499": (500, 1499), "500-": (500, 2047), "-500": (1548, 2047),
          "2000-5000": (2000, 2047), "0-0": (0, 0), "0-": (0, 2047), "2047-2047": (2047, 2047),
          "-5000": (0, 2047)}


@pytest.mark.parametrize("asked", RANGES)
@pytest.mark.parametrize("size", [2048, 200_000], ids=["row", "file"])
def test_range(repository, algorithm, level, asked, size):
    content = os.urandom(size)
    digest = repository.push_blob(content, digest_of(content, algorithm))
    first, last = RANGES[asked]
    if size != 2048 and asked == "2000-5000":
        last = 5000
    elif size != 2048 and last == 2047:
        first = {"-500": size - 500, "-5000": size - 5000}.get(asked, first)
        last = 2047 if asked == "2047-2047" else size - 1
    answer = repository.registry.get(repository.blob(digest), {"Range": f"bytes={asked}"})
    answer.expect(206, {"Content-Length": str(last - first + 1), "Accept-Ranges": "bytes",
                        "Content-Range": f"bytes {first}-{last}/{size}"},
                  body=content[first:last + 1])
    level.check_digest(answer, digest)


@pytest.mark.parametrize("asked", ["500-0", "5000-10000", "2048-", "-0"])
def test_range_outside_of_the_blob(repository, algorithm, level, asked):
    content = os.urandom(2048)
    digest = repository.push_blob(content, digest_of(content, algorithm))
    answer = repository.registry.get(repository.blob(digest), {"Range": f"bytes={asked}"})
    answer.expect_error(416, "SIZE_INVALID")
    assert answer.header("Content-Range") == "bytes */2048"
