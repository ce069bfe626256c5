"""A search among thousands of versions, on the real program: complete, in pages, each once."""

import concurrent.futures
import hashlib
import json
import threading

import pytest
import requests

import other_tools
import programs

REPOSITORIES = 20
VERSIONS = 100  # of each
SCORES = 50
CLIENTS = 8
PAGE = 1000  # versions that a page looks at, at most
MODELPACK = "application/vnd.cncf.model."


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Clients(threading.local):
    """A connection for each thread."""

    def __init__(self):
        self.session = requests.Session()


def push_version(clients, centre, repository, number, shared):
    """A ModelPack of two layers: the weights of all, and metadata of its own. Its digest."""
    session = clients.session
    session.headers.update(centre.headers)
    url = f"{centre.api_url}/v2/default/many{repository}"
    text = (f"apiVersion: slipway/v1\ntitle: model {repository}\nversion: '{number}'\n"
            f"labels: {{team: team{repository % 4}}}\n"
            f"metrics: {{validation: [{{name: score, value: {number % SCORES / SCORES}}}]}}\n")
    metadata = text.encode()
    answer = session.post(f"{url}/blobs/uploads/", params={"digest": digest_of(metadata)},
                          data=metadata, timeout=60)
    assert answer.status_code == 201, answer.text
    layer = {"mediaType": f"{MODELPACK}weight.config.v1.raw", "digest": digest_of(metadata),
             "size": len(metadata), "annotations": {"org.cncf.model.filepath": "model.yaml"}}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": other_tools.MANIFEST_TYPE,
                           "artifactType": f"{MODELPACK}manifest.v1+json",
                           "config": shared["config"],
                           "layers": [layer, shared["weights"]]}).encode()
    answer = session.put(f"{url}/manifests/v{number}", data=manifest, timeout=60,
                         headers={"Content-Type": other_tools.MANIFEST_TYPE})
    assert answer.status_code == 201, answer.text
    return digest_of(manifest)


def push_shared(centre, repository):
    pusher = other_tools.Pusher(centre, f"default/many{repository}")
    weights = pusher.blob(b"weights", f"{MODELPACK}weight.v1.raw")
    weights["annotations"] = {"org.cncf.model.filepath": "weights.bin"}
    return {"config": pusher.blob(b'{"config":{"format":"safetensors"}}',
                                  f"{MODELPACK}config.v1+json"), "weights": weights}


@pytest.fixture(name="many", scope="module")
def many_versions(slipway_module):
    """The control centre, and {(repository, number): digest}."""
    centre = slipway_module
    clients = Clients()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        shared = list(pool.map(lambda one: push_shared(centre, one), range(REPOSITORIES)))
        keys = [(repository, number) for number in range(VERSIONS)
                for repository in range(REPOSITORIES)]
        digests = pool.map(
            lambda key: push_version(clients, centre, *key, shared[key[0]]), keys)
        versions = dict(zip(keys, digests))
    programs.wait_until(lambda: not ask(centre, "not has phase", limit=1)["items"],
                        "all versions to be inspected", timeout_s=120)
    return centre, versions


def ask(centre, where, **query):
    answer = requests.get(f"{centre.api_url}/api/v1/projects/default/modelversions",
                          params={"where": where, **query}, headers=centre.headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pages_of(centre, where, limit):
    """All pages: what each has found."""
    token, pages = None, []
    while token != "":
        page = ask(centre, where, limit=limit, **({"continue": token} if token else {}))
        assert "undecided" not in page["metadata"], page["metadata"]
        pages.append([item["spec"]["manifestDigest"] for item in page["items"]])
        token = page["metadata"].get("continue", "")
        assert len(pages) <= 10 * REPOSITORIES * VERSIONS, "the list does not end"
    return pages


CASES = {
    "metrics.score >= 0.9": lambda repository, number: number % SCORES >= 45,
    "metrics.validation.score = 0 and labels.team = team1":
        lambda repository, number: number % SCORES == 0 and repository % 4 == 1,
    "model = many7 and version > 89": lambda repository, number: repository == 7 and number > 89,
    "tag = v3": lambda repository, number: number == 3,
    "has metrics.score": lambda repository, number: True,
    "title ~ 'model 1?' and not (metrics.score < 0.5)":
        lambda repository, number: 10 <= repository < 20 and number % SCORES >= 25,
}


@pytest.mark.parametrize("where", CASES)
def test_all_that_match_are_found_once(many, where):
    centre, versions = many
    wanted = {digest for key, digest in versions.items() if CASES[where](*key)}
    for limit in (PAGE, 7 if len(wanted) < 500 else 300):
        pages = pages_of(centre, where, limit)
        found = [digest for page in pages for digest in page]
        assert len(found) == len(set(found)), "a version is there twice"
        assert set(found) == wanted
        assert max(map(len, pages)) <= limit
        # No page looks at more than PAGE: a search that finds little has empty ones, too.
        assert len(pages) >= len(versions) // PAGE


def test_the_command_line_has_all_pages(many):
    centre, versions = many
    wanted = {digest for key, digest in versions.items() if key[1] % SCORES >= 45}
    shown = json.loads(centre.cli("model", "list", "--remote", "--where", "metrics.score >= 0.9",
                                  "-o", "json").stdout)
    found = [item["spec"]["manifestDigest"] for item in shown["items"]]
    assert len(found) == len(wanted) and set(found) == wanted
    of_one = json.loads(centre.cli("model", "list", "many3", "--remote", "--where",
                                   "metrics.score >= 0.9", "-o", "json").stdout)
    assert len(of_one["items"]) == VERSIONS // 10


def test_nothing_found_is_an_answer(many):
    centre, versions = many
    for where in ("metrics.score > 2", "tag = nowhere and labels.team = team0"):
        pages = pages_of(centre, where, PAGE)
        assert pages[-1] == [] and not any(pages)
        done = centre.cli("model", "list", "--remote", "--where", where)
        assert "there is no such version in project default" in done.stderr
        empty = json.loads(centre.cli("model", "list", "--remote", "--where", where, "-o",
                                      "json").stdout)
        assert empty["items"] == []
    assert len(versions) == REPOSITORIES * VERSIONS
