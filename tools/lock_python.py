#!/usr/bin/env python3
"""Writes a requirements file in which every package has an exact version and the hash of its wheel.

    tools/lock_python.py tests/system/requirements.txt            # same names, newest versions
    tools/lock_python.py FILE 'pytest' 'tritonclient[http]==2.73.0'  # other names

The names that the file was asked for stand in its first lines, so that it can be made again. The
hashes are those of the wheels for the Python that runs this script: use Debian 12's.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

WANTED = "# wanted: "


def resolve(names):
    """Returns {name: (version, sha256)} of the packages that pip would install for `names`."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        report = f"{folder}/report.json"
        subprocess.run([f"{folder}/venv/bin/pip", "install", "--quiet", "--dry-run",
                        "--only-binary", ":all:", "--report", report, *names], check=True)
        installs = json.loads(pathlib.Path(report).read_text())["install"]
    return {item["metadata"]["name"]: (item["metadata"]["version"],
                                       item["download_info"]["archive_info"]["hashes"]["sha256"])
            for item in installs}


def main(path, *names):
    """Locks `names`, or those that `path` already asks for, into `path`."""
    file = pathlib.Path(path)
    if not names:
        names = [line.removeprefix(WANTED) for line in file.read_text().splitlines()
                 if line.startswith(WANTED)]
    lines = ["# Written by tools/lock_python.py; installed by tools/bootstrap.sh.",
             *(WANTED + name for name in names), ""]
    for name, (version, digest) in sorted(resolve(names).items(), key=lambda i: i[0].lower()):
        lines += [f"{name}=={version} \\", f"    --hash=sha256:{digest}"]
    file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
