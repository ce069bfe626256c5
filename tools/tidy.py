#!/usr/bin/env python3
"""Checks what no compiler looks at: rows, sizes, banned calls, dead files.

    tools/tidy.py       prints `path:line: rule: what to do`; exit status 1 if anything is wrong

The rows are read from CMakeLists.txt. Findings marked `warning` do not fail. A place where a rule
makes things worse is named in EXCEPTIONS, with the reason.
"""

import collections
import dataclasses
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

COLUMNS = 100
FUNCTION_LINES = 70
HEADER_LINES = 250
SOURCE_LINES, SOURCE_LINES_WARNING = 800, 500
TEST_LINES = 1000
README_LINES = 60
SLOW_UNIT_S = 20

# (path, rule): reason. An exception that is no longer needed is a finding itself.
EXCEPTIONS = {
    ("src/gateway/agent_link.cc", "banned thread"): "it must answer while every core is busy",
    ("src/gateway/http/passed_run.h", "banned mutex"): "its condition variable waits for room",
    ("src/gateway/inline_watch.cc", "banned mutex"): "what its thread waits with, and nothing else",
    ("src/gateway/inline_watch.h", "banned thread"): "it watches the cores of the executors",
    ("src/gateway/model_loads.cc", "banned thread"): "as in reconciler.cc",
    ("src/gateway/model_loads.h", "banned thread"): "as in reconciler.cc",
    ("src/gateway/reconciler.cc", "banned thread"): "loads take minutes and may not hold a core",
    ("src/gateway/reconciler.h", "banned thread"): "as in reconciler.cc",
    ("src/gateway/reconciler.h", "banned mutex"): "its condition variable waits for several events",
    ("src/gateway/reconciler.cc", "banned sleep"): "an epoch that readers leave wakes nobody",
    ("src/gateway/serve_program.cc", "banned mutex"): "one waits until the status changes",
    ("src/oci/client_transfer.cc", "banned sleep"): "the blocking client pauses between attempts",
}


@dataclasses.dataclass(frozen=True)
class Ban:
    """A pattern that may occur only in files whose path matches `allowed`."""
    rule: str
    pattern: re.Pattern
    allowed: re.Pattern
    advice: str


def ban(rule, pattern, allowed, advice):
    """Makes a Ban from which tests, benchmarks and tools are free unless `rule` begins with `!`."""
    free = r"(_test|_bench|_testing)\.cc$|/testing/|^(tools|bench|tests)/"
    free = "$^" if rule.startswith("!") else free
    return Ban(rule.lstrip("!"), re.compile(pattern), re.compile(f"{free}|{allowed or '$^'}"),
               advice)


BANS = [
    ban("!regex", r"\bstd::w?(regex|smatch|cmatch)\b|#include <regex>", "",
        "use RE2: std::regex recurses on input"),
    # Engines and the one writer of the store own their threads.
    ban("thread", r"\bstd::j?thread\b(?!::)", "^src/(base|async|store|engine)/",
        "use the executors and pools of async"),
    ban("mutex", r"\bstd::(mutex|shared_mutex|recursive_mutex|condition_variable(_any)?)\b",
        "^src/(base|async|store|engine)/", "put shared data into Guarded<T>"),
    ban("!detach", r"\.detach\(\)|\basio::detached\b", "",
        "start the work in a TaskGroup that somebody owns and stops"),
    ban("print",
        r"\b(std::)?(printf|puts|putchar|fprintf|vprintf|fputs)\s*\(|\bstd::(cout|cerr)\b|"
        r"\bfmt::print\b",
        r"^src/cli/|^src/\w+/main\.cc$|^src/base/check\.cc$|^(fuzz|examples)/",
        "use the log of base; only the command line and the mains print"),
    ban("sleep", r"\b(sleep|usleep|nanosleep|sleep_for|sleep_until)\s*\(",
        "^src/cli/|^src/engine/fake/", "wait for the event itself, or with a timer of async"),
    ban("!system", r"(?<![\w.:>])(std::)?(system|popen)\s*\(\s*[\"\w]", "",
        "start programs through the runtime's process driver, without a shell"),
    ban("!unbounded", r"(?<![\w.>])(std::)?(strcpy|strcat|sprintf|vsprintf|gets|alloca)\s*\(", "",
        "use std::string, fmt or a bounded copy"),
    ban("random", r"(?<![\w.>])(std::)?(rand|srand)\s*\(|\bstd::random_device\b|\bstd::mt19937",
        "^src/base/", "take a Random of base, so that a test can own it"),
    ban("clock", r"\bsystem_clock::now\s*\(|"
        r"(?<![\w.>])(std::)?(time|gettimeofday)\s*\(\s*(NULL|nullptr|0|&)",
        "^src/base/", "take a Clock of base, so that a test can own the time"),
    ban("!using-namespace", r"^\s*using namespace (?!std::\w*literals)", "",
        "name what you use, or an alias of the namespace"),
]

# Libraries that only one module adapts: an include of them may stand in that module's .cc files.
ADAPTED = [
    (re.compile(r"boost/beast|nghttp2/"), re.compile(r"^src/net/.*\.cc$")),
    (re.compile(r"curl/"), re.compile(r"^src/(net|store)/.*\.cc$")),
    (re.compile(r"sqlite3"), re.compile(r"^src/(store|agent)/.*\.cc$")),
    (re.compile(r"google/protobuf|.*\.pb\.h"), re.compile(r"^src/(gateway|model)/.*\.cc$")),
    (re.compile(r"onnxruntime_"), re.compile(r"^src/engine/onnxruntime/|^bench/")),
    (re.compile(r"openvino/"), re.compile(r"^src/engine/openvino/")),
    (re.compile(r"torch/"), re.compile(r"^src/engine/torch/")),
    (re.compile(r"re2/"), re.compile(r"^src/routing/.*\.cc$")),
    (re.compile(r"archive(_entry)?\.h"), re.compile(r"^src/(model|algorithm)/.*\.cc$")),
]

CPP = re.compile(r"\.(cc|h)$")
TEST = re.compile(r"(_test|_bench)\.cc$|_test\.py$|(^|/)test_\w+\.py$|conftest\.py$")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One line of the report."""
    path: str
    line: int
    rule: str
    advice: str
    warning: bool = False

    def __str__(self):
        rule = f"warning: {self.rule}" if self.warning else self.rule
        return f"{self.path}:{self.line}: {rule}: {self.advice}"


class Tree:
    """The files of the repository: `files` maps a path to its text."""

    def __init__(self, files):
        self.files = files
        self.rows = {}
        for number, row in enumerate(re.findall(r"^slipway_row\(([^)]*)\)",
                                                files.get("CMakeLists.txt", ""), re.MULTILINE)):
            for module in row.split():
                self.rows[module] = number
        self.code = {path: strip_comments(text) for path, text in files.items()
                     if CPP.search(path)}

    def includes(self, path):
        """Yields (line, bracket, name) of each include of a file."""
        for number, line in enumerate(self.files[path].splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match[1], match[2]


def strip_comments(text):
    """Replaces comments and the insides of literals by spaces; every line stays where it is."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|'
                         r'"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        word = match[0]
        inside = re.sub(r"[^\n]", " ", word[1:-1])
        return '"' + inside + '"' if word[0] in "\"'R" else " " + inside + " "

    # Names in #include "..." must stay readable.
    return "\n".join(line if INCLUDE.match(line) else stripped for line, stripped in
                     zip(text.split("\n"), pattern.sub(blank, text).split("\n"), strict=True))


# Rules -------------------------------------------------------------------------------------------

def check_rows(tree):
    """A module includes only itself and modules of earlier rows."""
    for path in tree.code:
        parts = path.split("/")
        if parts[0] != "src" or len(parts) < 3:
            continue
        module = parts[1]
        if module not in tree.rows:
            yield Finding(path, 1, "rows", f"give {module} a row in CMakeLists.txt")
            continue
        wires = path.endswith("/main.cc") or path.startswith("src/server/wiring_")
        for line, bracket, name in tree.includes(path):
            target = name.split("/")[0]
            if bracket == '"' and f"src/{name}" not in tree.files:
                yield Finding(path, line, "include", f"{name} is no file of src/: write the path "
                              "from src/, or <...> for a library")
            elif bracket == '"' and target in tree.rows and target != module:
                allowed = tree.rows[target] < tree.rows[module]
                if not allowed and not (wires and tree.rows[target] == tree.rows[module]):
                    yield Finding(path, line, "rows", f"{module} may not know {target}: move what "
                                  "both need to an earlier row, or pass it in from the main")


def check_adapted(tree):
    """Third-party headers stay in the module that adapts them."""
    for path in tree.code:
        for line, bracket, name in tree.includes(path):
            for library, home in ADAPTED:
                if bracket == "<" and library.match(name) and not home.match(path):
                    yield Finding(path, line, "adapted", f"<{name}> may be included only by "
                                  f"{home.pattern}: use what that module offers")


def check_bans(tree):
    """Calls for which the tree has something better."""
    for path, code in tree.code.items():
        for number, line in enumerate(code.splitlines(), 1):
            for banned in BANS:
                if banned.pattern.search(line) and not banned.allowed.search(path):
                    yield Finding(path, number, f"banned {banned.rule}", banned.advice)


def check_file_sizes(tree):
    """Files stay small enough to be read at once."""
    for path, text in tree.files.items():
        lines = text.count("\n")
        if TEST.search(path):
            limits = (TEST_LINES, TEST_LINES)
        elif path.endswith(".h"):
            limits = (HEADER_LINES, HEADER_LINES)
        elif path.endswith((".cc", ".py", ".sh", ".cmake")):
            limits = (SOURCE_LINES, SOURCE_LINES_WARNING)
        else:
            continue
        if lines > limits[1]:
            yield Finding(path, 1, "size", f"{lines} lines, {limits[0]} at most: split it by what "
                          "it is about", warning=lines <= limits[0])


def check_columns(tree):
    """Lines fit; an include or an address cannot be broken."""
    for path, text in tree.files.items():
        if not re.search(r"\.(cc|h|py|sh|cmake)$|(^|/)(Makefile|CMakeLists\.txt)$", path):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > COLUMNS and not INCLUDE.match(line) and "://" not in line:
                yield Finding(path, number, "columns", f"{len(line)} columns, {COLUMNS} at most")


def functions(code):
    """Yields (first line, number of lines) of each function in code without comments."""
    scopes, start = [], 0  # scopes: (kind, first line); start: where the text before a brace begins
    for match in re.finditer(r"[{};]|^[ \t]*#(?:[^\n\\]|\\.)*", code, re.MULTILINE | re.DOTALL):
        kind = "text"
        if match[0] == "{":
            before = code[start:match.start()]
            nested = scopes and scopes[-1][0] not in ("namespace", "class")
            kind = "block" if nested else scope_kind(before)
            lead = len(before) - len(before.lstrip())
            scopes.append((kind, code.count("\n", 0, start + lead) + 1))
        elif match[0] == "}" and scopes:
            kind, first = scopes.pop()
            if kind == "function":
                yield first, code.count("\n", 0, match.start()) + 2 - first
        if kind != "member":
            start = match.end()


def scope_kind(before):
    """Says what the brace after `before` opens, in a namespace or a class."""
    words = re.sub(r"\[\[.*?\]\]|template\s*<[^{;]*?>\s*(?=class|struct|union)", " ", before)
    if re.search(r"\b(namespace|extern)\b", words) and "(" not in words:
        return "namespace"
    if re.match(r"\s*(\w+:\s*)?(typedef\s+)?(class|struct|union|enum)\b", words):
        return "class"
    if re.search(r"[=(,]\s*$", words) or "(" not in words:
        return "initializer"
    if re.search(r"\)\s*(noexcept\s*)?:(?!:).*[\w>]\s*$", words, re.DOTALL):
        return "member"  # a_{...} in a constructor's list: the body is still to come
    return "function"


def check_functions(tree):
    """Functions fit on a screen."""
    for path, code in tree.code.items():
        for first, lines in functions(code):
            if lines > FUNCTION_LINES:
                yield Finding(path, first, "function", f"{lines} lines, {FUNCTION_LINES} at most: "
                              "give its steps names")


def check_dead_files(tree):
    """Every header is included, every source compiled, every corpus belongs to a target."""
    users = collections.defaultdict(set)
    for path in tree.code:
        for _, bracket, name in tree.includes(path):
            if bracket == '"':
                users[f"src/{name}"].add(path)
    cmake = tree.files.get("CMakeLists.txt", "")
    for path in tree.files:
        if path.startswith("src/") and path.endswith(".h"):
            stem = path.removesuffix(".h")
            others = users[path] - {f"{stem}.cc", f"{stem}_test.cc"}
            if not users[path]:
                yield Finding(path, 1, "dead", "nothing includes this header: remove it")
            elif not others:
                yield Finding(path, 1, "dead", "only its own source or test includes this header: "
                              "use it or remove it", warning=True)
        elif re.match(r"src/\w+/main\.cc$", path):
            if f"MAIN {path.removeprefix('src/')}" not in cmake:
                yield Finding(path, 1, "dead", "no slipway_program() in CMakeLists.txt builds it")
        elif (match := re.match(r"src/(engine/(?:onnxruntime|openvino|torch|pmml|fake))/.*\.cc$",
                                path)):
            if f"FOLDER {match[1]}" not in cmake:
                yield Finding(path, 1, "dead", "no slipway_plugin() in CMakeLists.txt builds it")
        elif (match := re.match(r"fuzz/corpus/([^/]+)/", path)):
            if f"fuzz/{match[1]}_fuzz.cc" not in tree.files:
                yield Finding(path, 1, "dead", f"there is no fuzz/{match[1]}_fuzz.cc")
        elif (match := re.match(r"fuzz/(\w+)_fuzz\.cc$", path)):
            if not any(other.startswith(f"fuzz/corpus/{match[1]}/") for other in tree.files):
                yield Finding(path, 1, "corpus", f"commit some inputs in fuzz/corpus/{match[1]}/")


def check_notes(tree):
    """A note for later says what would remove it."""
    for path, text in tree.files.items():
        if path.startswith("tools/tidy") or not re.search(
                r"\.(cc|h|py|sh|cmake)$|(^|/)(Makefile|CMakeLists\.txt)$", path):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"\b(FIXME|XXX|HACK)\b", line) or (
                    re.search(r"\bTODO\b", line)
                    and not re.search(r"\bTODO\([^()]{3,}\): \S", line)):
                yield Finding(path, number, "todo", "write TODO(what would remove it): what to do")


def check_readmes(tree):
    """Each module says on one page what it is for."""
    for module in tree.rows:
        if not any(path.startswith(f"src/{module}/") for path in tree.code):
            continue
        readme = f"src/{module}/README.md"
        if readme not in tree.files:
            yield Finding(readme, 1, "readme", "write a page: purpose, the state it owns, what it "
                          "may include, where to start reading")
        elif (lines := tree.files[readme].count("\n")) > README_LINES:
            yield Finding(readme, 1, "readme", f"{lines} lines, {README_LINES} at most: one page")


def check_guards(tree):
    """Headers are guarded in one way."""
    for path, text in tree.files.items():
        if path.endswith(".h") and path.startswith("src/") and not re.search(
                r"^(#pragma once|#ifndef \w+_H_?)$", text, re.MULTILINE):
            yield Finding(path, 1, "guard", "add #pragma once below the first comment")


RULES = [check_rows, check_adapted, check_bans, check_file_sizes, check_columns, check_functions,
         check_dead_files, check_notes, check_readmes, check_guards]


def findings_of(tree, exceptions):
    """Returns the sorted findings of all rules, less the exceptions that are used."""
    found = [finding for rule in RULES for finding in rule(tree)]
    used = {(finding.path, finding.rule) for finding in found if not finding.warning}
    kept = [finding for finding in found if (finding.path, finding.rule) not in exceptions]
    kept += [Finding(path, 1, "exception", f"'{rule}' is kept now: take it out of EXCEPTIONS")
             for path, rule in exceptions if (path, rule) not in used]
    return sorted(kept)


def slow_units(log):
    """Returns a warning for each unit that took long when it was last compiled, by ninja's log."""
    seconds = {}
    for line in log.splitlines()[1:]:
        start, finish, _, output, *_ = line.split("\t")
        if output.endswith(".cc.o"):
            seconds[output] = (int(finish) - int(start)) / 1000
    return [Finding(re.sub(r".*\.dir/(.*)\.o$", r"\1", output), 1, "slow unit",
                    f"{taken:.0f} s to compile, {SLOW_UNIT_S} at most: include less or split it",
                    warning=True)
            for output, taken in seconds.items() if taken > SLOW_UNIT_S and "torch" not in output]


def read_tree():
    """Reads the text files that git tracks or would track."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    files = {}
    for name in filter(None, names):
        path = ROOT / name
        if path.is_file():
            binary = name.startswith(("fuzz/corpus/", "tests/fixtures/"))
            files[name] = "" if binary else path.read_text(errors="replace")
    return Tree(files)


def main():
    """Prints the findings and the slow units of the last release build."""
    findings = findings_of(read_tree(), EXCEPTIONS)
    log = ROOT / "build/release/.ninja_log"
    if log.exists():
        findings += slow_units(log.read_text())
    for finding in findings:
        print(finding)
    return 1 if any(not finding.warning for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
