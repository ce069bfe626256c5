"""The ways to push a blob. Each checks every answer but the last, and returns that."""

from registry_client import OCTETS, with_query

PIECES = 3


def post_only(repository, content, digest):
    """POST with the digest and the content."""
    return repository.registry.send("POST", with_query(repository.uploads, digest=digest),
                                    content, OCTETS)


def post_put(repository, content, digest):
    """POST, then PUT with the content."""
    location = repository.begin()
    return repository.registry.send("PUT", with_query(location, digest=digest), content, OCTETS)


def pieces_of(content, count=PIECES):
    """Returns (first byte, piece) of `count` pieces; the last one is odd."""
    size = len(content) // count + 1
    return [(first, content[first:first + size]) for first in range(0, len(content), size)]


def patch(repository, location, first, piece):
    """Sends one piece; returns the answer, unchecked."""
    return repository.registry.send(
        "PATCH", location, piece,
        {**OCTETS, "Content-Range": f"{first}-{first + len(piece) - 1}"})


def close(repository, location, digest, first=0, piece=b""):
    """Ends an upload, with its last piece if there is one; returns the answer, unchecked."""
    headers = dict(OCTETS)
    if piece:
        headers["Content-Range"] = f"{first}-{first + len(piece) - 1}"
    return repository.registry.send("PUT", with_query(location, digest=digest), piece, headers)


def take_piece(repository, location, first, piece):
    """Sends one piece in its turn; returns where the next one goes."""
    answer = patch(repository, location, first, piece)
    answer.expect(202, {"Range": f"0-{first + len(piece) - 1}", "Content-Length": "0"})
    return answer.target()


def status_after_refusal(repository, location, had):
    """GET on the address that refused a piece: the session goes on with `had` bytes."""
    answer = repository.registry.get(location.partition("?")[0])
    answer.expect(204, {"Range": f"0-{max(had - 1, 0)}"})
    return answer.target()


def chunked_single(repository, content, digest):
    """POST, one PATCH with Content-Range, PUT."""
    location = take_piece(repository, repository.begin(), 0, content)
    return close(repository, location, digest)


def chunked(repository, content, digest):
    """POST, three PATCH with Content-Range, PUT."""
    location = repository.begin()
    for first, piece in pieces_of(content):
        location = take_piece(repository, location, first, piece)
    return close(repository, location, digest)


def chunked_last_in_put(repository, content, digest):
    """POST, two PATCH, the third piece in the PUT."""
    location = repository.begin()
    *pieces, (last, piece) = pieces_of(content)
    for first, part in pieces:
        location = take_piece(repository, location, first, part)
    return close(repository, location, digest, last, piece)


def out_of_order(repository, content, digest, last_in_put=False):
    """Before each piece, one that is not its turn: ahead while there is one, else the first again.
    With `last_in_put`, pieces that reach the end of the content come in a PUT, refused or not."""
    location = repository.begin()
    pieces = pieces_of(content)
    for turn, (first, piece) in enumerate(pieces):
        wrong, part = pieces[turn + 1] if turn + 1 < len(pieces) else pieces[0]
        at_end = last_in_put and wrong + len(part) == len(content)
        refused = (close(repository, location, digest, wrong, part) if at_end
                   else patch(repository, location, wrong, part))
        refused.expect_error(416, "BLOB_UPLOAD_INVALID")
        assert refused.header("Range") == f"0-{max(first - 1, 0)}"
        location = status_after_refusal(repository, location, first)
        if last_in_put and turn + 1 == len(pieces):
            return close(repository, location, digest, first, piece)
        location = take_piece(repository, location, first, piece)
    return close(repository, location, digest)


def out_of_order_last_in_put(repository, content, digest):
    """The same with the last piece in the PUT."""
    return out_of_order(repository, content, digest, last_in_put=True)


def streamed(repository, content, digest):
    """POST, one PATCH without Content-Range, PUT."""
    answer = repository.registry.send("PATCH", repository.begin(), content, OCTETS)
    answer.expect(202, {"Range": f"0-{max(len(content) - 1, 0)}"})
    return close(repository, answer.target(), digest)


def streamed_in_chunks(repository, content, digest):
    """The same with a body of unknown length."""
    thirds = [piece for _, piece in pieces_of(content)]
    answer = repository.registry.send("PATCH", repository.begin(), thirds, OCTETS)
    answer.expect(202, {"Range": f"0-{max(len(content) - 1, 0)}"})
    return close(repository, answer.target(), digest)


FORMS = {"post only": post_only, "post and put": post_put, "chunked single": chunked_single,
         "chunked": chunked, "chunked, last in put": chunked_last_in_put,
         "out of order": out_of_order, "out of order, last in put": out_of_order_last_in_put,
         "streamed": streamed, "streamed in chunks": streamed_in_chunks}
