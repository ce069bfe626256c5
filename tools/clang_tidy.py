#!/usr/bin/env python3
"""Runs clang-tidy on the sources that the last 20 commits or the working tree changed, or on all.

    tools/clang_tidy.py [--all] [FILE...]

build/release must be built: its compile commands are used. A source that passed is not looked at
again while it, the headers it includes, its flags and .clang-tidy stay the same; the notes of that
are in ${SLIPWAY_CACHE:-$HOME/.cache/slipway}/clang-tidy/.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
COMMITS = 20
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def git(*arguments):
    """Returns what git prints, or None when it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def changed_sources():
    """Returns the sources that differ from what they were 20 commits ago."""
    before = (git("rev-parse", "--verify", "--quiet", f"HEAD~{COMMITS}") or EMPTY_TREE).strip()
    names = (git("diff", "--name-only", before) or "") + (
        git("ls-files", "--others", "--exclude-standard") or "")
    return {(ROOT / name).resolve() for name in names.split() if name.endswith(".cc")}


def included_files(objects):
    """Returns {object: files of this tree that it was compiled from}, as ninja recorded them."""
    listing = subprocess.run(["ninja", "-C", BUILD, "-t", "deps", *objects], text=True,
                             capture_output=True).stdout
    files, current = {}, None
    for line in listing.splitlines():
        if line.startswith("    "):
            path = (BUILD / line.strip()).resolve()
            if path.is_relative_to(ROOT) and not path.is_relative_to(BUILD / "generated"):
                files[current].append(path)
        elif ": #deps" in line:
            current = line.split(": #deps")[0]
            files[current] = []
    return files


def key_of(entry, files):
    """Returns a digest of all that clang-tidy's verdict on a source depends on."""
    digest = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    digest.update(entry["command"].replace(str(ROOT), "").encode())
    for path in sorted(files):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def check(entry, note):
    """Runs clang-tidy on one source; returns what it says, or an empty string."""
    done = subprocess.run(["clang-tidy-19", "--quiet", "-p", str(BUILD), entry["file"]], cwd=ROOT,
                          capture_output=True, text=True)
    if done.returncode == 0:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
        return ""
    return done.stdout.strip() or done.stderr.strip()


def main():
    """Checks the wanted sources, two at a time on two cores."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every source of the build")
    parser.add_argument("files", nargs="*", help="these sources")
    options = parser.parse_args()

    database = BUILD / "compile_commands.json"
    if not database.exists():
        sys.exit("clang_tidy.py: build/release is not configured: run `make build` first")
    entries = {pathlib.Path(entry["file"]).resolve(): entry
               for entry in json.loads(database.read_text())}
    wanted = {pathlib.Path(name).resolve() for name in options.files}
    if not wanted:
        wanted = set(entries) if options.all else changed_sources()
    entries = {path: entry for path, entry in entries.items() if path in wanted}

    objects = {path: re.search(r" -o (\S+)", entry["command"]).group(1)
               for path, entry in entries.items()}
    included = included_files(objects.values()) if objects else {}
    cache = pathlib.Path(os.environ.get("SLIPWAY_CACHE") or pathlib.Path.home() / ".cache/slipway")
    notes = {path: cache / "clang-tidy" / key_of(entry, included.get(objects[path], [path]))
             for path, entry in entries.items()}
    stale = [path for path in sorted(entries) if not notes[path].exists()]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        verdicts = pool.map(lambda path: check(entries[path], notes[path]), stale)
        complaints = [verdict for verdict in verdicts if verdict]
    print("\n".join(complaints), end="\n" if complaints else "")
    if complaints:
        print(f"clang_tidy.py: {len(complaints)} of {len(entries)} sources have findings")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
