#!/usr/bin/env python3
"""Runs every test and gate, and counts them in one line.

    tools/test.py                          all stages, as `make test` does
    tools/test.py units asan               some stages, in that order
    tools/test.py fuzz --fuzz-seconds-each 600

Stages: units (release), system (pytest on the real programs, tools/ and sdk/), asan, tsan, format,
tidy, clang-tidy, fuzz. A stage that fails does not stop the next one; what does not build or
crashes counts as failed. The last line is `N passed, N failed, N skipped`; what was skipped stands
above it, and the exit status is 0 only if nothing failed. Logs are kept in build/<type>/logs/.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PYTHON = BUILD / "venv/bin/python"
TSAN_MODULES = ("async", "engine", "gateway", "net")  # the concurrent parts
JOBS = os.cpu_count() or 1
UNIT_TIMEOUT_S = 900
SYSTEM_TIMEOUT_S = 2400
INTERRUPT_S = 30
TAIL_LINES = 150

SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:suppressions=tools/tsan.supp",
    "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
    "TSAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
}


@dataclasses.dataclass
class Result:
    """The outcome of one test: `status` is passed, failed or skipped, `detail` says why.

    A test that passed may have something to tell all the same, such as its seeds: its `summary`."""
    name: str
    status: str
    detail: str = ""
    summary: str = ""


# Running programs --------------------------------------------------------------------------------

running = set()


def run(command, log, timeout_s=None, environment=None, cwd=ROOT):
    """Runs `command` in a process group of its own with its output in the file `log`.

    Returns the exit status, negative for a signal, or None when it passed `timeout_s`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        process = subprocess.Popen([str(word) for word in command], cwd=cwd, stdout=output,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env={**os.environ, **(environment or {})},
                                   start_new_session=True)
    running.add(process)
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        end(process)
        running.discard(process)


def end(process):
    """Ends a program: as Ctrl-C would, so that it can clean up, then what is left of its group."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(INTERRUPT_S)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def on_signal(number, _frame):
    """Takes the programs that were started along when this one is told to stop."""
    for process in list(running):
        end(process)
    os._exit(128 + number)  # at once: the threads must not start the next programs


def tail(log, lines=TAIL_LINES):
    """Returns the last lines of a log, and where the whole of it is."""
    text = log.read_text(errors="replace").splitlines()
    head = [f"... ({log.relative_to(ROOT)} has all {len(text)} lines)"] if len(text) > lines else []
    return "\n".join(head + text[-lines:])


def status_text(code):
    """Says in words how a program ended."""
    if code is None:
        return "ran into its time limit"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"exited with {code}"


# Building ----------------------------------------------------------------------------------------

built = set()  # (build type, target) of what this run has built, or has reported as broken


def build(build_type, targets):
    """Configures and builds build/<build_type>; returns a failed Result, or None.

    What this run has already tried is not built, and not reported, again.
    """
    if built.issuperset((build_type, target) for target in targets):
        return None
    built.update((build_type, target) for target in targets)
    folder = BUILD / build_type.lower()
    log = folder / "logs/build.log"
    configure = ["cmake", "-G", "Ninja", "-S", ROOT, "-B", folder,
                 f"-DCMAKE_BUILD_TYPE={build_type}", "--log-level=WARNING"]
    if run(configure, log) != 0:
        return Result(f"build {build_type.lower()}", "failed", tail(log))
    if run(["ninja", "-C", folder, "-k", "0", *targets], log) != 0:
        failures = [line for line in log.read_text(errors="replace").splitlines()
                    if not re.match(r"\[\d+/\d+\] ", line)]
        return Result(f"build {build_type.lower()}", "failed",
                      "\n".join(["does not build", *failures[1:TAIL_LINES],
                                 f"({log.relative_to(ROOT)} has all)"]))
    return None


# Unit tests --------------------------------------------------------------------------------------

def unit_programs(folder):
    """Returns {name: program} of all GoogleTest programs that the build knows."""
    listing = subprocess.run(["ctest", "--test-dir", folder, "--show-only=json-v1"], check=True,
                             capture_output=True, text=True).stdout
    return {test["name"]: pathlib.Path(test.get("command", [folder / "not-built"])[0])
            for test in json.loads(listing)["tests"]}


def run_unit_program(label, name, program, folder):
    """Runs one GoogleTest program; returns a Result for each of its tests."""
    log, report = folder / f"logs/{name}_test.log", folder / f"logs/{name}_test.json"
    if not program.exists():
        return [Result(f"{label}: {name}_test", "failed", "does not build")]
    report.unlink(missing_ok=True)
    code = run([program, f"--gtest_output=json:{report}"], log, UNIT_TIMEOUT_S,
               SANITIZER_ENVIRONMENT)
    results = []
    if report.exists():
        results = read_gtest_report(label, name, report, log.read_text(errors="replace"))
    if code != 0 and not any(result.status == "failed" for result in results):
        started = re.findall(r"^\[ RUN +\] (\S+)", log.read_text(errors="replace"), re.MULTILINE)
        where = f" in {started[-1]}" if started else ""
        results.append(Result(f"{label}: {name}_test{where}", "failed",
                              f"{status_text(code)}\n{tail(log)}"))
    return results


def read_gtest_report(label, name, report, output):
    """Returns the Results of a --gtest_output=json report; why one is skipped is in `output`."""
    reasons = dict(reversed(match) for match in re.findall(
        r": Skipped\n(.*)\n(?:.*\n)*?\[  SKIPPED \] (\S+)", output))
    results = []
    for suite in json.loads(report.read_text())["testsuites"]:
        for test in suite["testsuite"]:
            full_name = f"{label}: {name}_test {suite['name']}.{test['name']}"
            if test.get("failures"):
                messages = "\n".join(failure["failure"] for failure in test["failures"])
                results.append(Result(full_name, "failed", messages))
            elif test["status"] == "NOTRUN":
                results.append(Result(full_name, "skipped", "disabled"))
            elif test["result"] == "SKIPPED":
                reason = reasons.get(f"{suite['name']}.{test['name']}", "")
                results.append(Result(full_name, "skipped", reason))
            else:
                results.append(Result(full_name, "passed", summary=test.get("summary", "")))
    return results


def run_units(label, build_type, targets, wanted=None):
    """Builds and runs the unit tests of a build type, all or those `wanted`."""
    broken = build(build_type, targets)
    folder = BUILD / build_type.lower()
    results = [broken] if broken else []
    if not (folder / "build.ninja").exists():
        return results
    programs = {name: program for name, program in unit_programs(folder).items()
                if wanted is None or name in wanted}
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = [pool.submit(run_unit_program, label, name, program, folder)
                for name, program in programs.items()]
        for finished in runs:
            results += finished.result()
    return results


def stage_units(_options):
    """Builds everything in release and runs every unit test."""
    return run_units("units", "Release", ["all", "unit_tests"])


def stage_asan(_options):
    """Runs every unit test under AddressSanitizer and UndefinedBehaviorSanitizer."""
    return run_units("asan", "Asan", ["unit_tests"])


def stage_tsan(_options):
    """Runs the unit tests of the concurrent parts under ThreadSanitizer."""
    folder = BUILD / "tsan"
    broken = build("Tsan", ["build.ninja"])
    if broken:
        return [broken]
    known = [name for name in TSAN_MODULES if name in unit_programs(folder)]
    return run_units("tsan", "Tsan", [f"{name}_test" for name in known], known)


# System tests ------------------------------------------------------------------------------------

def stage_system(options):
    """Runs pytest on the real programs, and on the tests of the tools and the Python package."""
    report, log = BUILD / "release/logs/system.xml", BUILD / "release/logs/system.log"
    report.unlink(missing_ok=True)
    tests = [options.tests] if options.tests else ["tests", "tools", "sdk"]
    broken = build("Release", ["all"])
    results = [broken] if broken else []
    code = run([PYTHON, "-m", "pytest", "-o", "junit_logging=all", f"--junitxml={report}", *tests],
               log, SYSTEM_TIMEOUT_S)
    if report.exists():
        results += read_junit_report(report)
    no_tests = code == 5
    if code != 0 and not no_tests and not any(r.status == "failed" for r in results):
        results.append(Result("system: pytest", "failed", f"{status_text(code)}\n{tail(log)}"))
    return results


def read_junit_report(report):
    """Returns the Results that a JUnit report of pytest holds."""
    results = []
    for case in xml.parse(report).getroot().iter("testcase"):
        name = f"system: {case.get('classname')}.{case.get('name')}"
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        skip = case.find("skipped")
        if bad is not None:
            output = "\n".join(part.text for kind in ("system-out", "system-err")
                               for part in case.findall(kind)
                               if not re.fullmatch(r"(\s|-+ Captured \w+ -+)*", part.text or ""))
            results.append(Result(name, "failed",
                                  f"{bad.get('message')}\n{bad.text or ''}\n{output}"))
        elif skip is not None:
            results.append(Result(name, "skipped", skip.get("message") or ""))
        else:
            told = [each.get("value") for each in case.iter("property")
                    if each.get("name") == "summary"]
            results.append(Result(name, "passed", summary="\n".join(told)))
    return results


# Gates -------------------------------------------------------------------------------------------

def gate(name, command, show=None):
    """Runs a gate that counts as one test; what it prints, or `show` of it, is shown."""
    log = BUILD / f"release/logs/{name}.log"
    code = run(command, log)
    text = log.read_text(errors="replace").strip()
    if code == 0:
        print(text, end="\n" if text else "")
        return [Result(f"lint: {name}", "passed")]
    return [Result(f"lint: {name}", "failed", f"{status_text(code)}\n{(show or str)(text)}")]


def files_to_format(text):
    """Returns the command that mends what clang-format complained about."""
    names = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error: code should be", text, re.MULTILINE)))
    return "\n  ".join(["clang-format-19 -i \\", *(name + " \\" for name in names)]).rstrip(" \\")


def stage_format(_options):
    """Checks the layout of all C++ files."""
    files = sorted(path.relative_to(ROOT)
                   for folder in ("src", "fuzz", "bench", "tests", "examples", "tools")
                   for pattern in ("*.cc", "*.h") for path in (ROOT / folder).rglob(pattern))
    if not files:
        return []
    command = ["clang-format-19", "--dry-run", "--Werror", *files]
    return gate("clang-format", command, files_to_format)


def stage_tidy(_options):
    """Checks rows, sizes, banned calls and dead files."""
    return gate("tidy", [sys.executable, ROOT / "tools/tidy.py"])


def stage_clang_tidy(options):
    """Runs clang-tidy on the sources that the last commits changed, or on all."""
    broken = build("Release", ["all", "unit_tests"])
    extra = ["--all"] if options.all_files else []
    results = gate("clang-tidy", [sys.executable, ROOT / "tools/clang_tidy.py", *extra])
    return ([broken] if broken else []) + results


# Fuzzing -----------------------------------------------------------------------------------------

def run_fuzz_target(target, seconds):
    """Fuzzes one target, from its committed inputs, for some seconds."""
    name = target.stem.removesuffix("_fuzz")
    folder = BUILD / "fuzz"
    program, log = folder / f"fuzz/{target.stem}", folder / f"logs/{target.stem}.log"
    if not program.exists():
        return Result(f"fuzz: {name}", "failed", "does not build")
    found, artifacts = folder / f"found/{name}", folder / "artifacts"
    for path in (found, artifacts):
        path.mkdir(parents=True, exist_ok=True)
    seeds = [path for path in (ROOT / "fuzz/corpus" / name,) if path.is_dir()]
    code = run([program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=3000",
                "-print_final_stats=1", f"-artifact_prefix={artifacts}/{name}-", found, *seeds],
               log, seconds + 300, SANITIZER_ENVIRONMENT)
    runs = re.search(r"stat::number_of_executed_units: (\d+)", log.read_text(errors="replace"))
    if code == 0:
        return Result(f"fuzz: {name}", "passed", f"{runs.group(1) if runs else '?'} inputs")
    return Result(f"fuzz: {name}", "failed",
                  f"{status_text(code)}; keep the input below build/fuzz/artifacts as a seed in "
                  f"fuzz/corpus/{name}/\n{tail(log)}")


def stage_fuzz(options):
    """Fuzzes every target of fuzz/: a share of the total each, or --fuzz-seconds-each."""
    targets = sorted((ROOT / "fuzz").glob("*_fuzz.cc"))
    if not targets:
        return []
    seconds = options.fuzz_seconds_each or max(1, options.fuzz_seconds // len(targets))
    broken = build("Fuzz", ["fuzz_targets"])
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(lambda target: run_fuzz_target(target, seconds), targets))
    for result in results:
        if result.status == "passed":
            print(f"  {result.name}: {result.detail} in {seconds} s")
    return ([broken] if broken else []) + results


# -------------------------------------------------------------------------------------------------

STAGES = {
    "format": stage_format,
    "tidy": stage_tidy,
    "units": stage_units,
    "system": stage_system,
    "clang-tidy": stage_clang_tidy,
    "asan": stage_asan,
    "tsan": stage_tsan,
    "fuzz": stage_fuzz,
}


def run_stage(name, options):
    """Runs a stage and shows what failed in it; a crash of the stage itself is a failure."""
    started = time.monotonic()
    print(f"== {name}", flush=True)
    try:
        results = STAGES[name](options)
    except Exception as error:  # the next stage must run whatever this one did
        results = [Result(f"{name}: the stage itself", "failed", repr(error))]
    for result in results:
        if result.status == "failed":
            print(f"\nFAILED {result.name}\n{result.detail}\n")
    counts = count(results)
    print(f"== {name}: {counts} ({time.monotonic() - started:.0f} s)", flush=True)
    return results


def count(results):
    """Returns the line that counts the results."""
    by_status = {status: sum(result.status == status for result in results)
                 for status in ("passed", "failed", "skipped")}
    return ", ".join(f"{number} {status}" for status, number in by_status.items())


def main():
    """Runs the stages, names what was skipped and what failed, and counts."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES))
    parser.add_argument("--tests", help="path for pytest instead of all")
    parser.add_argument("--all-files", action="store_true", help="clang-tidy on all sources")
    parser.add_argument("--fuzz-seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--fuzz-seconds-each", type=int, help="for each target")
    options = parser.parse_args()
    unknown = [name for name in options.stages if name not in STAGES]
    if unknown:
        parser.error(f"unknown stage {unknown[0]}: use {', '.join(STAGES)}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)

    results = []
    for name in options.stages or STAGES:
        results += run_stage(name, options)
    for result in results:
        for line in result.summary.splitlines():
            print(f"{result.name.partition(':')[0]}: {line}")
    for status in ("skipped", "failed"):
        for result in results:
            if result.status == status:
                reason = (result.detail.strip() or "no reason given").splitlines()[0]
                print(f"{status}: {result.name} ({reason})")
    print(count(results), flush=True)
    return 1 if any(result.status == "failed" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
