"""Versions of the specification that the cases run at."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Level:
    """What a version asks for beyond the one before."""
    name: str
    digest_headers: bool  # Docker-Content-Digest on every GET, HEAD and 201
    tag_parameters: bool  # `?tag=` beside a digest

    def check_digest(self, answer, digest):
        """Checks the digest that an answer names."""
        found = answer.all("Docker-Content-Digest")
        assert found == [digest] or (not self.digest_headers and not found), str(answer)


LEVELS = {level.name: level for level in (
    Level("1.1", digest_headers=False, tag_parameters=False),
    Level("dev", digest_headers=True, tag_parameters=True))}
