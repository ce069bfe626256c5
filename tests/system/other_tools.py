"""Model artifacts as other tools write them, made from their formats: ormb's, KitOps' ModelKits."""

import gzip
import hashlib
import io
import json
import tarfile

import requests

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
ORMB_CONFIG = "application/vnd.caicloud.model.config.v1alpha1+json"
KIT = "application/vnd.kitops.modelkit."


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def tar_of(files, owner=1000, mtime=1_600_000_000, folders=False):
    """A tar of {path: content}, with owners and times as Go's archive/tar takes them from files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        seen = set()
        for path, content in files.items():
            parts = path.split("/")[:-1]
            for end in range(1, len(parts) + 1):
                folder = "/".join(parts[:end])
                if folders and folder not in seen:
                    seen.add(folder)
                    entry = tarfile.TarInfo(folder)
                    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, mtime
                    tar.addfile(entry)
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(content), 0o664, mtime
            entry.uid = entry.gid = owner
            entry.uname = entry.gname = "somebody"
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Pusher:
    """Pushes artifacts with plain HTTP, as the clients of these tools do."""

    def __init__(self, centre, repository):
        self.url = f"{centre.api_url}/v2/{repository}"
        self.session = requests.Session()
        self.session.headers.update(centre.headers)

    def blob(self, content, media_type):
        """Uploads it and returns its descriptor."""
        digest = digest_of(content)
        if self.session.head(f"{self.url}/blobs/{digest}").status_code != 200:
            start = self.session.post(f"{self.url}/blobs/uploads/")
            assert start.status_code == 202, start.text
            done = self.session.put(requests.compat.urljoin(self.url, start.headers["Location"]),
                                    params={"digest": digest}, data=content)
            assert done.status_code == 201, done.text
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def manifest(self, manifest, tag):
        """Pushes it under the tag and returns its digest."""
        content = json.dumps(manifest).encode()
        done = self.session.put(f"{self.url}/manifests/{tag}", data=content,
                                headers={"Content-Type": MANIFEST_TYPE})
        assert done.status_code == 201, done.text
        return digest_of(content)


def push_ormb(centre, repository, tag, metadata, files):
    """`ormb save` and `ormb push` of a folder model/ with {path: content}; returns the digest."""
    pusher = Pusher(centre, repository)
    files = {f"model/{path}": content for path, content in files.items()}
    config = {"created": "0001-01-01T00:00:00Z", **metadata, "directoryStructure": list(files)}
    layer = gzip.compress(tar_of(files))
    return pusher.manifest({
        "schemaVersion": 2,
        "config": pusher.blob(json.dumps(config).encode(), ORMB_CONFIG),
        "layers": [pusher.blob(layer, "application/tar+gzip")],
    }, tag)


def push_kit(centre, repository, tag, kitfile, layers, name_digests=True):
    """`kit pack` and `kit push`: `layers` are (kind, files, suffix), in the Kitfile's order. With
    `name_digests` as since KitOps 1.0: paths in the layers begin at the top."""
    pusher = Pusher(centre, repository)
    described = []
    entries = {"model": iter([kitfile.get("model")]),
               "modelpart": iter(kitfile.get("model", {}).get("parts", [])),
               "dataset": iter(kitfile.get("datasets", [])),
               "code": iter(kitfile.get("code", [])), "docs": iter(kitfile.get("docs", []))}
    for kind, files, suffix in layers:
        tar = tar_of(files, owner=0, folders=True)
        content = gzip.compress(tar) if suffix == "tar+gzip" else tar
        descriptor = pusher.blob(content, f"{KIT}{kind}.v1.{suffix}")
        if name_digests:
            next(entries[kind]).update(digest=descriptor["digest"], diffId=digest_of(tar))
        described.append(descriptor)
    return pusher.manifest({
        "schemaVersion": 2,
        "config": pusher.blob(json.dumps(kitfile).encode(), KIT + "config.v1+json"),
        "layers": described,
        "annotations": {"ml.kitops.modelkit.cli-version": "1.5.0"},
    }, tag)
