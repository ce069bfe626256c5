"""Images, indexes and artifacts to push: contents that no other test has, made anew each time.

    data = DATA_SETS["nested index"]("sha256")
    data.blobs        {digest: content}
    data.manifests    in an order in which they can be pushed
    data.referrers    {subject: [descriptor that the registry must list]}
"""

import base64
import dataclasses
import gzip
import io
import json
import os
import tarfile

from registry_client import IMAGE_TYPE, INDEX_TYPE, digest_of

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
FOREIGN_TYPE = "application/vnd.oci.image.layer.nondistributable.v1.tar"
ARTIFACT_A = "application/vnd.example.conformance.a.v1"
ARTIFACT_B = "application/vnd.example.conformance.b.v1"
PLATFORMS = ({"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm64"})
LARGE_ANNOTATIONS = {f"large-annotation-{i}": "A" * 10_000 for i in range(390)}


@dataclasses.dataclass
class Manifest:
    """A manifest or an index, as it goes over the wire."""
    content: bytes
    digest: str
    media_type: str
    subject: str = ""
    artifact_type: str = ""  # what a list of referrers says
    annotations: dict = dataclasses.field(default_factory=dict)
    tags: list = dataclasses.field(default_factory=list)

    def descriptor(self, **members):
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content),
                **members}

    def referrer(self):
        """The descriptor that the registry lists for the subject."""
        members = {"annotations": self.annotations} if self.annotations else {}
        if self.artifact_type:
            members["artifactType"] = self.artifact_type
        return self.descriptor(**members)


def layer_content(compressed):
    """A tar with one file that nobody else has."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("./conformance.txt")
        text = os.urandom(40).hex().encode()
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return gzip.compress(out.getvalue()) if compressed else out.getvalue()


class DataSet:
    """What belongs together, and the means to make it."""

    def __init__(self, algorithm="sha256", with_data=False, extra=None):
        self.algorithm = algorithm
        self.with_data = with_data  # descriptors carry their content
        self.extra = extra or {}  # members that no specification knows
        self.blobs = {}
        self.manifests = []

    @property
    def tags(self):
        """{tag: manifest}"""
        return {tag: manifest for manifest in self.manifests for tag in manifest.tags}

    @property
    def referrers(self):
        """{subject: [descriptor]}"""
        found = {}
        for manifest in self.manifests:
            if manifest.subject:
                found.setdefault(manifest.subject, []).append(manifest.referrer())
        return found

    def blob(self, content, media_type):
        digest = digest_of(content, self.algorithm)
        self.blobs[digest] = content
        data = {"data": base64.b64encode(content).decode()} if self.with_data else {}
        return {"mediaType": media_type, "digest": digest, "size": len(content), **data}

    def layer(self, compressed=True):
        return self.blob(layer_content(compressed), LAYER_TYPE + "+gzip" * compressed)

    def config(self, platform=PLATFORMS[0]):
        return self.blob(json.dumps({
            **platform, "author": os.urandom(8).hex(), "rootfs": {"type": "layers", "diff_ids": []},
            **self.extra}).encode(), CONFIG_TYPE)

    def _add(self, document, media_type, tags):
        content = json.dumps({**document, **self.extra}).encode()
        subject = document.get("subject")
        manifest = Manifest(
            content, digest_of(content, self.algorithm), media_type,
            subject=subject["digest"] if subject else "",
            artifact_type=document.get("artifactType")
            or document.get("config", {}).get("mediaType", ""),
            annotations=document.get("annotations", {}), tags=list(tags))
        self.manifests.append(manifest)
        return manifest

    def image(self, *tags, layers=None, config=None, **members):
        """Adds an image manifest of two layers; members are those of the document."""
        layers = [self.layer(), self.layer()] if layers is None else layers
        return self._add({"schemaVersion": 2, "mediaType": IMAGE_TYPE,
                          "config": config or self.config(), "layers": layers, **members},
                         IMAGE_TYPE, tags)

    def artifact(self, *tags, artifact_type=ARTIFACT_A, content=None, **members):
        """Adds an artifact: the empty config, one layer of its own type."""
        content = os.urandom(2048) if content is None else content
        layer_type = EMPTY_TYPE if content == b"{}" else artifact_type
        return self.image(*tags, config=self.blob(b"{}", EMPTY_TYPE),
                          layers=[self.blob(content, layer_type)], artifactType=artifact_type,
                          **members)

    def index(self, *tags, children=None, **members):
        """Adds an index, of two images unless it is told what else."""
        if children is None:
            children = [self.image(config=self.config(platform)).descriptor(platform=platform)
                        for platform in PLATFORMS]
        return self._add({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": children,
                          **members}, INDEX_TYPE, tags)


def _unique(**annotations):
    return {**annotations, f"org.example.{os.urandom(6).hex()}": os.urandom(6).hex()}


def _image(data):
    data.image("image")


def _image_uncompressed(data):
    data.image("image-uncompressed", layers=[data.layer(False), data.layer(False)])


def _large_manifest(data):
    data.image("large-manifest", annotations=LARGE_ANNOTATIONS)


def _index(data):
    data.index("index")


def _nested_index(data):
    data.index("index-of-index", children=[data.index().descriptor(), data.index().descriptor()])


def _empty_index(data):
    data.index("empty-index", children=[])


def _artifact(data):
    data.artifact("artifact")


def _artifact_index(data):
    children = [data.artifact().descriptor(platform=platform) for platform in PLATFORMS]
    data.index("artifact-index", children=children, artifactType=ARTIFACT_A)


def _artifact_without_layers(data):
    data.artifact("artifact-without-layers", content=b"{}")


def _artifacts_with_subject(data):
    subject = data.image("image").descriptor()
    data.image(subject=subject)  # its type is that of its config
    for tag, artifact_type in (("tagged-a", ARTIFACT_A), ("tagged-b", ARTIFACT_B)):
        data.artifact(tag, artifact_type=artifact_type, subject=subject,
                      annotations=_unique(**{"org.opencontainers.conformance": "hello"}))


def _index_with_subject(data):
    subject = data.index("index").descriptor()
    data.index("tagged-artifact", children=[data.artifact().descriptor()], subject=subject,
               artifactType=ARTIFACT_A, annotations=_unique(where="index"))
    data.index(children=[], subject=subject, annotations=_unique())  # without any type


def _missing_subject(data):
    absent = {"mediaType": IMAGE_TYPE, "size": 123,
              "digest": digest_of(os.urandom(16), data.algorithm)}
    data.artifact("tagged-artifact", subject=absent, annotations=_unique())


def _non_distributable(data):
    foreign = [{"mediaType": media_type, "size": size,
                "digest": digest_of(os.urandom(16), data.algorithm),
                "urls": ["https://store.example.com/layer"]}
               for media_type, size in ((FOREIGN_TYPE + "+gzip", 123456), (FOREIGN_TYPE, 12345))]
    data.image("non-distributable-image", layers=[*foreign, data.layer()])


def _custom_fields(data):
    data.index("custom-fields")


def _no_layers(data):
    data.image("no-layers", layers=[])


def _several_tags(data):
    data.index("first", "second")
    for number, manifest in enumerate(data.manifests):
        manifest.tags.append(f"numbered-{number}")


def _maker(build, **options):
    """A function of the algorithm that makes the data set."""
    def make(algorithm="sha256"):
        data = DataSet(algorithm, **options)
        build(data)
        return data
    return make


DATA_SETS = {
    "image": _maker(_image),
    "image uncompressed": _maker(_image_uncompressed),
    "large manifest": _maker(_large_manifest),
    "index": _maker(_index),
    "nested index": _maker(_nested_index),
    "empty index": _maker(_empty_index),
    "artifact": _maker(_artifact),
    "artifact index": _maker(_artifact_index),
    "artifact without layers": _maker(_artifact_without_layers),
    "artifacts with subject": _maker(_artifacts_with_subject),
    "index with subject": _maker(_index_with_subject),
    "missing subject": _maker(_missing_subject),
    "data field": _maker(_image, with_data=True),
    "non-distributable layers": _maker(_non_distributable),
    "custom fields": _maker(_custom_fields, extra={"org.example.unknown": {"deep": [1, None]}}),
    "no layers": _maker(_no_layers),
    "several tags": _maker(_several_tags),
}
