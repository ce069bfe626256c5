"""Tests of tools/tidy.py on small trees."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy  # noqa: E402  (found through the line above)

CMAKE = "slipway_row(base)\nslipway_row(net store)\nslipway_row(cli server)\n"


def found(files, exceptions=()):
    """Returns {(path, line, rule)} of a tree of `files`, less what an empty tree would say."""
    tree = tidy.Tree({"CMakeLists.txt": CMAKE, "src/base/README.md": "", "src/net/README.md": "",
                      "src/store/README.md": "", "src/server/README.md": "", **files})
    return {(finding.path, finding.line, finding.rule)
            for finding in tidy.findings_of(tree, dict.fromkeys(exceptions))}


def rules_of(line, path="src/net/a.cc"):
    """Returns the rules that one line of code breaks."""
    return {rule for _, _, rule in found({path: f"{line}\n"})}


def test_a_module_may_use_itself_and_earlier_rows():
    files = {"src/base/a.h": "#pragma once\n", "src/net/b.h": "#pragma once\n",
             "src/net/c.cc": '#include "base/a.h"\n#include "net/b.h"\n#include <algorithm>\n'}
    assert found(files) == set()


@pytest.mark.parametrize("module", ["base", "store"])
def test_a_module_may_not_use_its_own_row_or_a_later_one(module):
    files = {"src/net/b.h": "#pragma once\n", f"src/{module}/c.cc": '\n#include "net/b.h"\n'}
    assert found(files) == {(f"src/{module}/c.cc", 2, "rows")}


def test_mains_and_wiring_may_use_their_own_row():
    files = {"src/cli/b.h": "#pragma once\n", "src/cli/README.md": "",
             "src/server/wiring_cli.cc": '#include "cli/b.h"\n'}
    assert found(files) == set()


def test_an_include_is_written_from_src():
    assert rules_of('#include "b.h"') == {"include"}
    assert rules_of('#include <build_info.h>') == set()


def test_a_module_needs_a_row_and_a_readme():
    assert rules_of("int x;", "src/new/a.cc") == {"rows"}
    tree = tidy.Tree({"CMakeLists.txt": CMAKE, "src/base/a.cc": ""})
    assert [finding.rule for finding in tidy.findings_of(tree, {})] == ["readme"]
    assert found({"src/base/a.cc": "", "src/base/README.md": "\n" * 61}) == {
        ("src/base/README.md", 1, "readme")}


@pytest.mark.parametrize("include, path, broken", [
    ("#include <boost/beast/http.hpp>", "src/net/a.cc", False),
    ("#include <boost/beast/http.hpp>", "src/net/a.h", True),
    ("#include <boost/beast/http.hpp>", "src/server/a.cc", True),
    ("#include <nghttp2/nghttp2.h>", "src/store/a.cc", True),
    ("#include <onnxruntime_c_api.h>", "src/server/a.cc", True),
])
def test_adapted_libraries_stay_in_their_module(include, path, broken):
    assert ("adapted" in rules_of(include, path)) == broken


@pytest.mark.parametrize("line, rule", [
    ("std::regex pattern;", "banned regex"),
    ("std::thread worker(Work);", "banned thread"),
    ("std::mutex mutex_;", "banned mutex"),
    ("thread.detach();", "banned detach"),
    ("co_spawn(context, Run(), asio::detached);", "banned detach"),
    ('std::printf("%d", 1);', "banned print"),
    ("std::cout << 1;", "banned print"),
    ("std::this_thread::sleep_for(1s);", "banned sleep"),
    ('system("ls");', "banned system"),
    ("strcpy(a, b);", "banned unbounded"),
    ("int x = rand();", "banned random"),
    ("auto now = std::chrono::system_clock::now();", "banned clock"),
    ("using namespace std;", "banned using-namespace"),
])
def test_banned_calls(line, rule):
    assert rules_of(line) == {rule}


@pytest.mark.parametrize("line", [
    "// std::mutex is not used here", 'Log("system(1) std::cout");', "auto id = std::thread::id();",
    "boost::system::error_code error;", "std::snprintf(b, n, f);", "request.time(nullptr);",
    "int million = 1'000'000; // strcpy(a, b)", "using namespace std::chrono_literals;",
    'auto text = R"(std::regex "x")";',
])
def test_what_only_looks_banned(line):
    assert rules_of(line) == set()


def test_tests_may_start_threads_but_not_detach_them():
    assert rules_of("std::thread worker(Work);", "src/net/a_test.cc") == set()
    assert rules_of("worker.detach();", "src/net/a_test.cc") == {"banned detach"}


def test_file_sizes():
    files = {"src/net/a.cc": "\n" * 801, "src/net/b.cc": "\n" * 800,
             "src/net/b_test.cc": "\n" * 1000,
             "src/base/c.h": "#pragma once\n" + "\n" * 250, "src/net/d.cc": '#include "base/c.h"\n'}
    tree = tidy.Tree({"CMakeLists.txt": CMAKE, **files})
    sizes = {(finding.path, finding.warning) for finding in tidy.findings_of(tree, {})
             if finding.rule == "size"}
    assert sizes == {("src/net/a.cc", False), ("src/net/b.cc", True), ("src/base/c.h", False)}


def test_columns():
    assert rules_of("x" * 100) == set()
    assert rules_of("x" * 101) == {"columns"}
    assert rules_of('#include <' + "x" * 101 + ">") == set()


LONG = "  int x;\n" * 70


@pytest.mark.parametrize("head", [
    "void F() {", "Foo::Foo(int a) : a_{a}, b_{1} {", "Foo::Foo(int a) noexcept : a_(a) {",
    "auto F() -> std::vector<int> {", "template <class T>\nvoid F(T t) {", "TEST(A, B) {",
    "class A {\n void F() const {", 'extern "C" int F() {', "bool A::operator()() const {",
])
def test_long_functions(head):
    tail = "}\n};\n" if head.startswith("class") else "}\n"
    assert "function" in rules_of(f"namespace a {{\n{head}\n{LONG}{tail}}}")
    assert "function" not in rules_of(f"namespace a {{\n{head}\n{tail}}}\n{LONG}")


@pytest.mark.parametrize("text", [
    "class A {\n" + LONG + "};", "namespace a {\n" + LONG + "}",
    "const Row kRows[] = {\n" + "  {1, F()},\n" * 80 + "};",
    "constexpr auto kRows = std::to_array<Row>({\n" + "  {1, G(2)},\n" * 80 + "});",
    "void F() {\n}\n" * 50,
])
def test_what_is_long_but_no_function(text):
    assert "function" not in rules_of(text)


def test_dead_files():
    files = {"src/net/a.h": "#pragma once\n", "src/net/main.cc": "",
             "fuzz/corpus/old/1": "", "fuzz/new_fuzz.cc": ""}
    assert {(path, rule) for path, _, rule in found(files)} == {
        ("src/net/a.h", "dead"), ("src/net/main.cc", "dead"), ("fuzz/corpus/old/1", "dead"),
        ("fuzz/new_fuzz.cc", "corpus")}


def test_a_header_that_only_its_own_test_includes_is_a_warning():
    tree = tidy.Tree({"CMakeLists.txt": CMAKE, "src/base/README.md": "",
                      "src/base/a.h": "#pragma once\n",
                      "src/base/a_test.cc": '#include "base/a.h"'})
    assert [(finding.rule, finding.warning) for finding in tidy.findings_of(tree, {})] == [
        ("dead", True)]


def test_notes_for_later_say_what_would_remove_them():
    assert rules_of("// TODO(HTTP/3 in Debian's nghttp2): use it.") == set()
    assert rules_of("// TODO: later") == {"todo"}
    assert rules_of("// FIXME(x): later") == {"todo"}


def test_exceptions_are_used_or_reported():
    files = {"src/net/a.cc": "std::mutex mutex;\n"}
    assert found(files, [("src/net/a.cc", "banned mutex")]) == set()
    assert found({}, [("src/net/a.cc", "banned mutex")]) == {("src/net/a.cc", 1, "exception")}


def test_slow_units_are_warnings_by_the_last_compilation():
    log = ("# ninja log v5\n0\t30000\t0\tCMakeFiles/slipway_net.dir/src/net/a.cc.o\tabc\n"
           "0\t25000\t0\tCMakeFiles/slipway_net.dir/src/net/b.cc.o\tabc\n"
           "0\t100\t0\tCMakeFiles/slipway_net.dir/src/net/b.cc.o\tabc\n"
           "0\t40000\t0\tbin/slipway\tabc\n")
    assert [str(finding) for finding in tidy.slow_units(log)] == [
        "src/net/a.cc:1: warning: slow unit: 30 s to compile, 20 at most: include less or split it"]
