"""A disk of a few MiB that a test can fill: a tmpfs of its own, where the test may mount one."""

import contextlib
import os
import pathlib
import subprocess

import pytest

MIB = 1 << 20
PAGE = 4096


class SmallDisk:
    """A mounted tmpfs. What fills it is a file of its own beside everything else."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.filler = self.folder / "filler"

    def free(self):
        room = os.statvfs(self.folder)
        return room.f_bavail * room.f_frsize

    def fill(self, leave=0):
        """Leaves `leave` bytes; called again, takes also what became free meanwhile."""
        with open(self.filler, "ab", buffering=0) as file:
            for size in (MIB, PAGE):
                while self.free() - leave >= size:
                    try:
                        file.write(bytes(size))
                    except OSError:
                        break

    def empty(self):
        """Gives all of the room back."""
        self.filler.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder, size_mib):
    """Mounts a disk at `folder` and unmounts it, whatever happens; skips where it may not mount."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0700", "slipway-test", folder]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk needs the right to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a process that a failed test left there must not keep it mounted.
        subprocess.run(["umount", "--lazy", folder], check=True)
