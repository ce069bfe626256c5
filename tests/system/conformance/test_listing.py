"""Lists: tags and referrers, page by page."""

import json
import os

import pytest

from data_sets import ARTIFACT_A, ARTIFACT_B, EMPTY_TYPE, DataSet
from registry_client import IMAGE_TYPE, INDEX_TYPE, digest_of, with_query

# In byte order, which is not that of any language.
TAGS = ["0", "1.10", "1.9", "A", "Z", "_", "_a", "a", "a-b", "a.b", "a0", "aa", "a" * 128, "b",
        "v1", "z"]
TAGS.sort()


def tag_image(repository, tags):
    """Gives one image all the tags."""
    image = DataSet().image(layers=[], config={
        "mediaType": EMPTY_TYPE, "size": 2, "digest": repository.push_blob(b"{}")})
    for first in range(0, len(tags), 64):
        target = with_query(repository.manifest(image.digest), tag=tags[first:first + 64])
        repository.registry.send("PUT", target, image.content,
                                 {"Content-Type": IMAGE_TYPE}).expect(201)
    return image


@pytest.fixture(scope="module")
def tagged(new_repository):
    repository = new_repository()
    tag_image(repository, list(reversed(TAGS)))
    return repository


def next_target(answer):
    """The target that `Link` names, or nothing."""
    links = answer.all("Link")
    if not links:
        return None
    assert len(links) == 1 and links[0].startswith("<") and links[0].endswith('>; rel="next"')
    target = links[0][1:].partition(">")[0]
    assert target.startswith("/v2/")
    return target


def walk(repository, target, member):
    """Follows Link; returns the entries of each page."""
    pages = []
    while target:
        answer = repository.registry.get(target).expect(200)
        pages.append(answer.json()[member])
        target = next_target(answer)
    return pages


def test_tags_come_in_byte_order(tagged):
    assert TAGS == sorted(TAGS, key=str.encode)
    answer = tagged.registry.get(tagged.tags()).expect(
        200, {"Content-Type": "application/json", "Link": None})
    assert answer.json() == {"name": tagged.name, "tags": TAGS}


@pytest.mark.parametrize("n", [1, 2, 5, len(TAGS) - 1, len(TAGS), len(TAGS) + 1, 10**30])
def test_pages_are_cut_exactly_and_link_to_the_next(tagged, n):
    pages = walk(tagged, tagged.tags(n=n), "tags")
    assert [tag for page in pages for tag in page] == TAGS
    assert [len(page) for page in pages[:-1]] == [n] * (len(pages) - 1)
    assert 0 < len(pages[-1]) <= n


def test_n_0_is_an_empty_list_without_a_link(tagged):
    for target in (tagged.tags(n=0), tagged.tags(n=0, last="a")):
        answer = tagged.registry.get(target).expect(200, {"Link": None})
        assert answer.json() == {"name": tagged.name, "tags": []}


@pytest.mark.parametrize("n", ["-1", "", "a", "1.0", "0x1", " 1", "1e3"])
def test_an_n_that_is_no_number_is_refused(tagged, n):
    tagged.registry.get(tagged.tags(n=n)).expect_error(400, "UNSUPPORTED")


@pytest.mark.parametrize("last", [*TAGS, "", "aaaa", "a.", "!", "zz", "0.", "a b", "é", "~", "-"])
def test_last_is_exclusive_and_need_not_be_a_tag(tagged, last):
    after = [tag for tag in TAGS if tag.encode() > last.encode()]
    assert tagged.list_tags(last=last) == after
    assert tagged.list_tags(last=last, n=2) == after[:2]


def test_last_that_was_deleted_meanwhile_goes_on_behind_it(repository):
    tag_image(repository, ["a", "b", "c", "d"])
    answer = repository.registry.get(repository.tags(n=2)).expect(200)
    repository.registry.delete(repository.manifest("b")).expect(202)
    assert repository.registry.get(next_target(answer)).json()["tags"] == ["c", "d"]


def test_more_tags_than_one_page_holds(repository):
    tags = [f"t{number:04}" for number in range(1_001)]
    tag_image(repository, tags)
    pages = walk(repository, repository.tags(), "tags")
    assert [len(page) for page in pages] == [1_000, 1]
    assert pages[0] + pages[1] == tags
    assert walk(repository, repository.tags(n=5_000), "tags") == pages


def test_tags_of_an_unknown_repository(repository):
    repository.registry.get(repository.tags()).expect_error(404, "NAME_UNKNOWN")


def test_tags_of_a_repository_without_tags(repository):
    repository.push_blob(b"only a blob")
    assert repository.list_tags() == []


# Referrers ---------------------------------------------------------------------------------------

def list_page(repository, subject, **query):
    answer = repository.registry.get(repository.referrers(subject, **query))
    answer.expect(200, {"Content-Type": INDEX_TYPE, "OCI-Filters-Applied": (
        "artifactType" if query.get("artifactType") else None)})
    document = answer.json()
    assert document["schemaVersion"] == 2 and document["mediaType"] == INDEX_TYPE
    return document["manifests"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_referrers_of_what_nobody_knows_are_an_empty_index(new_repository, algorithm):
    unknown, filled = new_repository(), new_repository()
    filled.push_blob(b"something")
    for repository in (unknown, filled):
        assert list_page(repository, digest_of(b"nothing", algorithm)) == []
        assert list_page(repository, digest_of(b"nothing", algorithm), artifactType="a/b") == []


@pytest.mark.parametrize("digest", ["sha256:abc", "sha256", "latest", "md5:" + "0" * 32])
def test_referrers_of_a_malformed_digest_are_refused(repository, digest):
    repository.registry.get(repository.referrers(digest)).expect_error(400, "DIGEST_INVALID")


@pytest.mark.parametrize("present", [True, False], ids=["subject there", "subject missing"])
@pytest.mark.parametrize("by", ["tag", "digest"])
@pytest.mark.parametrize("kind", ["image", "index"])
def test_oci_subject_on_every_push_with_a_subject(repository, algorithm, kind, by, present):
    data = DataSet(algorithm)
    about = data.image()
    subject = about.descriptor()
    referrer = (data.index(children=[], subject=subject) if kind == "index" else
                data.artifact(subject=subject))
    for digest, content in data.blobs.items():
        repository.push_blob(content, digest)
    if present:
        repository.put_manifest(about.digest, about.content).expect(201, {"OCI-Subject": None})
    digest = referrer.digest if by == "digest" else digest_of(referrer.content)
    repository.put_manifest("tag" if by == "tag" else digest, referrer.content,
                            referrer.media_type).expect(201, {"OCI-Subject": about.digest})
    assert [entry["digest"] for entry in list_page(repository, about.digest)] == [digest]


def push_referrers(repository, count, **members):
    """Pushes artifacts about a subject that is not there, of two types in turn; returns the
    subject and the descriptors to expect."""
    data = DataSet()
    config = data.blob(b"{}", EMPTY_TYPE)
    repository.push_blob(b"{}")
    subject = {"mediaType": IMAGE_TYPE, "size": 5, "digest": digest_of(os.urandom(8))}
    for number in range(count):
        manifest = data.image(layers=[], config=config, subject=subject,
                              artifactType=(ARTIFACT_A, ARTIFACT_B)[number % 2],
                              annotations={"number": str(number), **members})
        repository.push_manifest(manifest.digest, manifest.content)
    return subject["digest"], data.referrers[subject["digest"]]


@pytest.fixture(scope="module")
def many_referrers(new_repository):
    repository = new_repository()
    return repository, *push_referrers(repository, 210, large="x" * 60_000)


@pytest.mark.parametrize("filtered", [False, True], ids=["all", "of one type"])
def test_pages_of_referrers_link_to_the_next(many_referrers, filtered):
    repository, subject, expected = many_referrers
    if filtered:
        expected = [entry for entry in expected if entry["artifactType"] == ARTIFACT_B]
    query = {"artifactType": ARTIFACT_B} if filtered else {}
    target, found, pages = repository.referrers(subject, **query), [], 0
    while target:
        answer = repository.registry.get(target).expect(200, {
            "Content-Type": INDEX_TYPE,
            "OCI-Filters-Applied": "artifactType" if filtered else None})
        found += answer.json()["manifests"]
        pages += 1
        target = next_target(answer)
    assert pages >= 2
    assert found == sorted(expected, key=lambda entry: entry["digest"]), "each once, in order"


def test_pages_of_large_referrers_stay_small(repository):
    subject, expected = push_referrers(repository, 12, large="x" * 1_000_000)
    target, found = repository.referrers(subject), []
    while target:
        answer = repository.registry.get(target).expect(200)
        assert len(answer.body) < 6 << 20
        found += [entry["annotations"]["number"] for entry in answer.json()["manifests"]]
        target = next_target(answer)
    assert sorted(found, key=int) == [str(number) for number in range(len(expected))]


def test_a_referrer_that_is_deleted_is_out_of_the_list_at_once(repository):
    subject, expected = push_referrers(repository, 4)
    while expected:
        gone = expected.pop()
        repository.registry.delete(repository.manifest(gone["digest"])).expect(202)
        assert {entry["digest"] for entry in list_page(repository, subject)} == {
            entry["digest"] for entry in expected}


def test_referrers_outlive_their_subject(repository):
    data = DataSet()
    about = data.image()
    referrer = data.artifact(subject=about.descriptor())
    for digest, content in data.blobs.items():
        repository.push_blob(content, digest)
    for manifest in data.manifests:
        repository.push_manifest(manifest.digest, manifest.content)
    repository.registry.delete(repository.manifest(about.digest)).expect(202)
    assert list_page(repository, about.digest) == [referrer.referrer()]


def test_referrers_are_those_of_the_repository(new_repository):
    one, other = new_repository(), new_repository()
    subject, _ = push_referrers(one, 2)
    assert list_page(other, subject) == []


# Clients from before this list ------------------------------------------------------------------

def fallback_tag(digest):
    return digest.replace(":", "-")[:7 + 64]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_fallback_tag_of_an_old_client_is_part_of_the_list(repository, algorithm):
    data = DataSet(algorithm)
    about = data.image()
    new = data.artifact(subject=about.descriptor(), annotations={"by": "subject"})
    # An old client's artifact does not name its subject.
    old = data.artifact(artifact_type=ARTIFACT_B, annotations={"by": "tag"})
    gone = data.artifact()
    index = data.index(children=[old.descriptor(annotations={"not": "the manifest's own"}),
                                 new.descriptor(), gone.descriptor()])
    for digest, content in data.blobs.items():
        repository.push_blob(content, digest)
    for manifest in data.manifests:
        repository.push_manifest(manifest.digest, manifest.content, manifest.media_type)
    repository.push_manifest(fallback_tag(about.digest), index.content, INDEX_TYPE)
    repository.registry.delete(repository.manifest(gone.digest)).expect(202)
    listed = {entry["digest"]: entry for entry in list_page(repository, about.digest)}
    assert listed == {new.digest: new.referrer(), old.digest: old.referrer()}
    assert list_page(repository, about.digest, artifactType=ARTIFACT_B) == [old.referrer()]
    repository.registry.delete(repository.manifest(fallback_tag(about.digest))).expect(202)
    assert list_page(repository, about.digest) == [new.referrer()]


def test_no_fallback_tag_is_made_by_the_registry(repository):
    subject, _ = push_referrers(repository, 2)
    assert repository.list_tags() == []
    repository.registry.head(repository.manifest(fallback_tag(subject))).expect(404)


def test_a_fallback_tag_that_is_no_index_adds_nothing(repository):
    subject, expected = push_referrers(repository, 1)
    image = DataSet().image(layers=[], config={
        "mediaType": EMPTY_TYPE, "size": 2, "digest": repository.push_blob(b"{}")})
    repository.push_manifest(fallback_tag(subject), image.content)
    assert list_page(repository, subject) == expected
    assert json.loads(image.content)["layers"] == []
