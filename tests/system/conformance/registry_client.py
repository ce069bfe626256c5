"""A client of the distribution protocol that sends exactly what it is told to.

    registry = Registry(centre.api_url, ("anyone", centre.token))
    answer = registry.send("PUT", "/v2/a/manifests/v1", content, {"Content-Type": IMAGE_TYPE})
    answer.expect(201, {"Docker-Content-Digest": digest})

It keeps one connection, answers a challenge (Basic or Bearer) once and sends the same request
again, and follows nothing by itself.
"""

import base64
import hashlib
import http.client
import json
import re
import urllib.parse

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
IMAGE_TYPE = "application/vnd.oci.image.manifest.v1+json"
OCTETS = {"Content-Type": "application/octet-stream"}
TIMEOUT_S = 60

# distribution-spec, "Error Codes".
ERROR_CODES = {"BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID",
               "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID",
               "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED",
               "TOOMANYREQUESTS"}


def digest_of(content, algorithm="sha256"):
    """Returns ALGORITHM:HEX of the content."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def with_query(target, **parameters):
    """Returns the target with the parameters added to what query it has."""
    query = urllib.parse.urlencode(parameters, doseq=True)
    return target + ("&" if "?" in target else "?") + query


class Answer:
    """What the server answered to one request."""

    def __init__(self, request, response):
        self.request = request  # "PUT /v2/..."
        self.status = response.status
        self.headers = response.getheaders()
        self.body = response.read()

    def all(self, name):
        """Returns all values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        """Returns the only value of a header."""
        values = self.all(name)
        assert len(values) == 1, f"{self}: {name} is there {len(values)} times"
        return values[0]

    def json(self):
        """Returns the body as JSON."""
        return json.loads(self.body)

    def target(self, name="Location"):
        """Returns path and query of a header that holds an address, resolved as clients do it."""
        base = "http://registry" + self.request.split(" ", 1)[1]
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(base, self.header(name)))
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def expect(self, status, headers=None, body=None):
        """Checks the status, the only value of each header (None: it is absent), and the body."""
        assert self.status == status, str(self)
        for name, value in (headers or {}).items():
            assert self.all(name) == ([] if value is None else [value]), f"{self}: {name}"
        if body is not None:
            assert self.body == body, f"{self}: another body ({len(self.body)} bytes)"
        return self

    def expect_error(self, status, code):
        """Checks that this is an error with one entry of this code."""
        self.expect(status, {"Content-Type": "application/json"})
        assert code in ERROR_CODES
        entries = self.json()["errors"]
        assert [entry["code"] for entry in entries] == [code], str(self)
        assert isinstance(entries[0]["message"], str) and entries[0]["message"], str(self)
        return self

    def __str__(self):
        return f"{self.request} was answered {self.status}, {self.headers}, {self.body[:500]!r}"


class Registry:
    """One connection to a registry, with one user's credentials or none."""

    def __init__(self, url, credentials=None, authorization=None):
        self.url = url
        self.credentials = credentials  # answers challenges
        self.authorization = authorization  # is sent with every request, whatever the answer
        self.address = urllib.parse.urlsplit(url)
        self.answered = {}  # what _scope() tells apart -> Authorization
        self.connection = None

    def close(self):
        """Gives the connection back; the next request opens another."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def send(self, method, target, body=b"", headers=()):
        """Sends a request: `body` as bytes has a Content-Length, any other iterable of bytes is
        sent in chunks, None is no body at all; `headers` is a dict or a list of pairs."""
        key = self._scope(method, target)
        answer = self._send(method, target, body, headers, self.answered.get(key))
        challenges = answer.all("WWW-Authenticate")
        if answer.status != 401 or not challenges or self.credentials is None:
            return answer
        self.answered[key] = self._meet(challenges[0])
        return self._send(method, target, body, headers, self.answered[key])

    def by_password(self):
        """A client that sends the password itself: its roles count, and no scope of a token."""
        user, password = self.credentials
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        return Registry(self.url, authorization="Basic " + basic)

    def get(self, target, headers=()):
        """GET without a body."""
        return self.send("GET", target, None, headers)

    def head(self, target, headers=()):
        """HEAD, with the check that no body came."""
        answer = self.send("HEAD", target, None, headers)
        assert answer.body == b"", str(answer)
        return answer

    def delete(self, target):
        """DELETE without a body."""
        return self.send("DELETE", target, None)

    @staticmethod
    def _scope(method, target):
        path, _, query = target.partition("?")
        name = re.match(r"/v2/(.+?)/(blobs|manifests|tags|referrers)/", path)
        return (name.group(1) if name else "", "pull" if method in ("GET", "HEAD") else "push",
                query if "mount=" in query else "")  # a mount is about two repositories

    def _meet(self, challenge):
        """Returns the Authorization that a challenge asks for."""
        scheme, _, rest = challenge.partition(" ")
        user, password = self.credentials
        basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if scheme.lower() == "basic":
            return basic
        assert scheme.lower() == "bearer", challenge
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        address = urllib.parse.urlsplit(urllib.parse.urljoin(self.url, fields.pop("realm")))
        fields.pop("error", None)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
        connection.request("GET", with_query(address.path, **fields),
                           headers={"Authorization": basic})
        response = connection.getresponse()
        assert response.status == 200, f"{challenge}: the token service said {response.status}"
        token = json.load(response)
        connection.close()
        return "Bearer " + token.get("token", token.get("access_token"))

    def _send(self, method, target, body, headers, authorization):
        pairs = list(headers.items() if isinstance(headers, dict) else headers)
        authorization = self.authorization or authorization
        if authorization:
            pairs.append(("Authorization", authorization))
        if isinstance(body, bytes):
            pairs.append(("Content-Length", str(len(body))))
        elif body is not None:
            pairs.append(("Transfer-Encoding", "chunked"))
        for again in (True, False):
            kept = self.connection is not None
            try:
                return self._exchange(method, target, body, pairs)
            except (http.client.RemoteDisconnected, ConnectionError):
                self.close()
                if not (again and kept):  # a kept connection may have ended meanwhile
                    raise
        raise AssertionError("unreachable")

    def _exchange(self, method, target, body, pairs):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                self.address.hostname, self.address.port, timeout=TIMEOUT_S)
        connection = self.connection
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in pairs:
            connection.putheader(name, value)
        connection.endheaders()
        if isinstance(body, bytes):
            if body:
                connection.send(body)
        elif body is not None:
            for piece in body:
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.send(b"0\r\n\r\n")
        return Answer(f"{method} {target}", connection.getresponse())


class Repository:
    """The paths of one repository."""

    def __init__(self, registry, name):
        self.registry = registry
        self.name = name
        self.base = f"/v2/{name}"
        self.uploads = f"{self.base}/blobs/uploads/"

    def blob(self, digest):
        return f"{self.base}/blobs/{digest}"

    def manifest(self, reference):
        return f"{self.base}/manifests/{reference}"

    def referrers(self, digest, **query):
        target = f"{self.base}/referrers/{digest}"
        return with_query(target, **query) if query else target

    def tags(self, **query):
        target = f"{self.base}/tags/list"
        return with_query(target, **query) if query else target

    def begin(self, **query):
        """Opens an upload; returns its address."""
        target = with_query(self.uploads, **query) if query else self.uploads
        answer = self.registry.send("POST", target).expect(202)
        return answer.target()

    def push_blob(self, content, digest=None):
        """Pushes a blob, in one request where the registry has that; returns its digest."""
        digest = digest or digest_of(content)
        answer = self.registry.send("POST", with_query(self.uploads, digest=digest), content,
                                    OCTETS)
        if answer.status == 202:
            answer = self.registry.send("PUT", with_query(answer.target(), digest=digest), content,
                                        OCTETS)
        answer.expect(201)
        return digest

    def put_manifest(self, reference, content, media_type=IMAGE_TYPE):
        """Pushes a manifest; returns the answer, unchecked."""
        return self.registry.send("PUT", self.manifest(reference), content,
                                  {"Content-Type": media_type})

    def push_manifest(self, reference, content, media_type=IMAGE_TYPE):
        """Pushes a manifest; returns its digest."""
        answer = self.put_manifest(reference, content, media_type).expect(201)
        return answer.header("Docker-Content-Digest")

    def list_tags(self, **query):
        """Returns the tags of one page."""
        answer = self.registry.get(self.tags(**query)).expect(
            200, {"Content-Type": "application/json"})
        document = answer.json()
        assert document["name"] == self.name
        return document["tags"]
