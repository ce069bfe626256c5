#!/usr/bin/env python3
"""Writes files of many types into a folder, the same ones for the same seed.

    tests/system/sample_files.py FOLDER [SEED]

Text types are written from small grammars, binary types by the standard library or byte by byte.
Besides whole files there are empty and very short ones, truncated ones, and ones whose type is
ambiguous. What each really "is" is for the oracle to say: the names are for people only.
"""

import bz2
import gzip
import io
import json
import lzma
import marshal
import pathlib
import pickle
import plistlib
import random
import sqlite3
import struct
import sys
import tarfile
import tempfile
import wave
import zipfile
import zlib

VARIANTS = 4
WORDS = (
    "ready model tensor request answer service revision shape batch float digest manifest layer "
    "queue worker signal socket buffer index table record value number string field parser"
).split()

MAKERS = {}


def maker(suffix):
    """Registers a function random.Random -> bytes for files that end in `suffix`."""

    def register(function):
        MAKERS[suffix] = function
        return function

    return register


def names(rng, count):
    return [f"{rng.choice(WORDS)}_{rng.choice(WORDS)}{rng.randrange(100)}" for _ in range(count)]


def sentence(rng):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(5, 14))).capitalize() + "."


def text_maker(suffix, head, line, tail=""):
    """A text type: `head`, many times `line` with {a}, {b}, {n} filled in, `tail`."""

    def make(rng):
        lines = []
        for _ in range(rng.randint(12, 60)):
            a, b = names(rng, 2)
            values = {"a": a, "b": b, "n": str(rng.randrange(10_000)), "s": sentence(rng)}
            text = line
            for key, value in values.items():
                text = text.replace(f"<{key}>", value)
            lines.append(text)
        return (head + "\n" + "\n".join(lines) + "\n" + tail).encode()

    MAKERS[suffix] = make


text_maker("py", "import os\nimport sys\n\n",
           "def <a>(<b>, limit=<n>):\n    \"\"\"<s>\"\"\"\n    if not <b>:\n"
           "        raise ValueError(f'{<b>}: empty')\n    return [x for x in <b> if x < limit]\n")
text_maker("c", "#include <stdio.h>\n#include <stdlib.h>\n",
           "static int <a>(const char *<b>) {\n  /* <s> */\n  if (<b> == NULL) return -1;\n"
           "  printf(\"%s %d\\n\", <b>, <n>);\n  return <n>;\n}\n",
           "int main(void) { return 0; }\n")
text_maker("cpp", "#include <string>\n#include <vector>\nnamespace demo {\n",
           "class <a> {\n public:\n  explicit <a>(std::string <b>) : <b>_(std::move(<b>)) {}\n"
           "  std::vector<int> Values() const { return {<n>}; }\n\n private:\n"
           "  std::string <b>_;\n};",
           "}  // namespace demo\n")
text_maker("java", "package demo;\n\nimport java.util.List;\n\npublic class Demo {",
           "    /** <s> */\n    public static int <a>(List<String> <b>) {\n"
           "        return <b>.size() + <n>;\n    }\n", "}\n")
text_maker("go", "package main\n\nimport \"fmt\"\n",
           "// <a> does it.\nfunc <a>(<b> string) error {\n\tif <b> == \"\" {\n"
           "\t\treturn fmt.Errorf(\"empty: %d\", <n>)\n\t}\n\treturn nil\n}\n", "func main() {}\n")
text_maker("rs", "use std::collections::HashMap;\n",
           "/// <s>\npub fn <a>(<b>: &str) -> Option<u32> {\n    let mut map = HashMap::new();\n"
           "    map.insert(<b>.to_string(), <n>u32);\n    map.get(<b>).copied()\n}\n")
text_maker("js", "'use strict';\nconst fs = require('fs');\n",
           "function <a>(<b>) {\n  // <s>\n  const value = <b>.map((x) => x + <n>);\n"
           "  console.log(`${value}`);\n  return value;\n}\n", "module.exports = {};\n")
text_maker("ts", "import { readFile } from 'fs';\n",
           "export interface <a> {\n  <b>: string;\n  size: number;\n}\n"
           "export const make<b> = (x: <a>): number => x.size + <n>;\n")
text_maker("rb", "require 'json'\n\nmodule Demo",
           "  # <s>\n  def self.<a>(<b>)\n    raise ArgumentError, 'empty' if <b>.nil?\n"
           "    <b>.each { |x| puts x }\n    <n>\n  end\n", "end\n")
text_maker("php", "<?php\nnamespace Demo;\n",
           "function <a>(array $<b>): int\n{\n    // <s>\n    foreach ($<b> as $x) {\n"
           "        echo $x;\n    }\n    return <n>;\n}\n")
text_maker("sh", "#!/bin/bash\nset -euo pipefail\n",
           "<a>() {\n  # <s>\n  local <b>=$1\n  if [ -z \"$<b>\" ]; then\n    echo 'empty' >&2\n"
           "    return 1\n  fi\n  echo \"$<b>\" | grep -c <n>\n}\n")
text_maker("css", "body { margin: 0; }\n",
           ".<a> > .<b>:hover {\n  color: #<n>;\n  padding: <n>px;\n  display: flex;\n}\n")
text_maker("html", "<!DOCTYPE html>\n<html>\n<head><title>Demo</title></head>\n<body>",
           "<div class=\"<a>\"><p><s></p><a href=\"/<b>\"><n></a></div>", "</body>\n</html>\n")
text_maker("xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<records>",
           "  <record id=\"<n>\"><name><a></name><text><s></text></record>", "</records>\n")
text_maker("svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"100\">",
           "  <circle cx=\"<n>\" cy=\"50\" r=\"4\" fill=\"none\" id=\"<a>\"/>", "</svg>\n")
text_maker("yaml", "apiVersion: v1\nkind: List\nitems:",
           "  - name: <a>\n    labels:\n      app: <b>\n    replicas: <n>\n    text: '<s>'")
text_maker("toml", "title = \"demo\"\n", "[<a>]\nname = \"<b>\"\nsize = <n>\ntext = \"<s>\"\n")
text_maker("ini", "[general]\nverbose = yes\n", "[<a>]\npath = /srv/<b>\nlimit = <n>\n; <s>\n")
text_maker("sql", "CREATE TABLE records (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n",
           "INSERT INTO records (id, name) VALUES (<n>, '<a>');\n"
           "SELECT r.id FROM records r WHERE r.name = '<b>' ORDER BY r.id;")
text_maker("md", "# A demo\n", "## <a>\n\n<s> See [<b>](https://example.org/<n>).\n\n"
           "- one\n- **two**\n\n```\n<b> --limit <n>\n```\n")
text_maker("csv", "id,name,value,comment", "<n>,<a>,<n>.5,<b>")
text_maker("tsv", "id\tname\tvalue", "<n>\t<a>\t<n>.5")
text_maker("txt", "A letter.\n", "<s> <s>\n<s>\n")
text_maker("tex", "\\documentclass{article}\n\\begin{document}",
           "\\section{<a>}\n<s> We have $x_{<n>} = \\frac{1}{2}$ as in \\cite{<b>}.\n",
           "\\end{document}\n")
text_maker("diff", "diff --git a/x.c b/x.c\nindex 1234567..89abcde 100644\n--- a/x.c\n+++ b/x.c",
           "@@ -<n>,3 +<n>,3 @@ int <a>(void)\n   int x;\n-  return <b>(1);\n+  return <b>(2);\n }")
text_maker("mk", "CC = gcc\nall: demo\n.PHONY: all clean\n",
           "<a>.o: <a>.c <b>.h\n\t$(CC) -O2 -c -o $@ $<\n", "clean:\n\trm -f *.o\n")
text_maker("dockerfile", "FROM debian:12-slim\nWORKDIR /srv",
           "RUN apt-get install -y <a> && rm -rf /tmp/<b>\nENV LIMIT=<n>", "CMD [\"/srv/run\"]\n")
text_maker("ics", "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//demo//EN",
           "BEGIN:VEVENT\nUID:<a>@example.org\nDTSTART:20260101T100000Z\nSUMMARY:<s>\nEND:VEVENT",
           "END:VCALENDAR\n")
text_maker("eml", "From: a@example.org\nTo: b@example.org\nSubject: Demo\n"
           "Date: Mon, 5 Jan 2026 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain\n",
           "<s>\n> <s>")
text_maker("rtf", "{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Times;}}",
           "\\pard\\b <a>\\b0 <s>\\par", "}\n")
text_maker("ps", "%!PS-Adobe-3.0\n%%BoundingBox: 0 0 612 792\n"
           "/Times-Roman findfont 12 scalefont setfont",
           "72 <n> moveto (<s>) show", "showpage\n%%EOF\n")
text_maker("srt", "", "<n>\n00:00:01,000 --> 00:00:04,000\n<s>\n")


@maker("json")
def make_json(rng):
    record = {name: {"n": rng.randrange(1000), "text": sentence(rng)} for name in names(rng, 30)}
    return json.dumps(record, indent=rng.choice([None, 2])).encode()


@maker("jsonl")
def make_json_lines(rng):
    return b"".join(json.dumps({"id": i, "text": sentence(rng)}).encode() + b"\n"
                    for i in range(rng.randint(20, 50)))


@maker("ipynb")
def make_notebook(rng):
    cells = [{"cell_type": "code", "execution_count": i, "metadata": {}, "outputs": [],
              "source": [f"{name} = {i}\n", f"print({name})"]}
             for i, name in enumerate(names(rng, 12))]
    return json.dumps({"cells": cells, "metadata": {"language_info": {"name": "python"}},
                       "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def payload(rng):
    return "\n".join(sentence(rng) for _ in range(rng.randint(50, 300))).encode()


@maker("gz")
def make_gzip(rng):
    return gzip.compress(payload(rng), mtime=0)


@maker("bz2")
def make_bzip2(rng):
    return bz2.compress(payload(rng))


@maker("xz")
def make_xz(rng):
    return lzma.compress(payload(rng))


@maker("zlib")
def make_zlib(rng):
    return zlib.compress(payload(rng))


def make_zip_of(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


@maker("zip")
def make_zip(rng):
    return make_zip_of({f"{name}.txt": payload(rng) for name in names(rng, 3)})


@maker("jar")
def make_jar(rng):
    return make_zip_of({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n\r\n"}
                       | {f"demo/{name}.class": make_class(rng) for name in names(rng, 3)})


@maker("docx")
def make_docx(rng):
    text = "".join(f"<w:p><w:r><w:t>{sentence(rng)}</w:t></w:r></w:p>" for _ in range(30))
    return make_zip_of({
        "[Content_Types].xml": "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/"
                               "content-types\"/>",
        "_rels/.rels": "<Relationships/>",
        "word/document.xml": f"<w:document><w:body>{text}</w:body></w:document>",
    })


@maker("epub")
def make_epub(rng):
    return make_zip_of({"mimetype": "application/epub+zip",
                        "META-INF/container.xml": "<container/>",
                        "OEBPS/chapter.xhtml": payload(rng)})


@maker("npz")
def make_npz(rng):
    return make_zip_of({f"{name}.npy": make_npy(rng) for name in names(rng, 3)})


@maker("npy")
def make_npy(rng):
    count = rng.randint(100, 2000)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},), }}"
    header = header.ljust(117) + "\n"
    data = struct.pack(f"<{count}f", *(rng.random() for _ in range(count)))
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


@maker("tar")
def make_tar(rng):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in names(rng, 3):
            content = payload(rng)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def png_chunk(kind, content):
    return (struct.pack(">I", len(content)) + kind + content
            + struct.pack(">I", zlib.crc32(kind + content)))


@maker("png")
def make_png(rng):
    width, height = rng.randint(20, 80), rng.randint(20, 80)
    rows = b"".join(b"\0" + rng.randbytes(width * 3) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n"
            + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b""))


@maker("bmp")
def make_bmp(rng):
    width, height = 4 * rng.randint(5, 20), rng.randint(20, 80)
    pixels = rng.randbytes(width * 3 * height)
    size = len(pixels)
    return (b"BM" + struct.pack("<IHHI", 54 + size, 0, 0, 54)
            + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, size, 2835, 2835, 0, 0)
            + pixels)


@maker("gif")
def make_gif(rng):
    blocks = b"".join(bytes([255]) + rng.randbytes(255) for _ in range(rng.randint(3, 20)))
    return (b"GIF89a" + struct.pack("<HHBBB", 40, 40, 0xF7, 0, 0) + rng.randbytes(768)
            + b"\x2c" + struct.pack("<HHHHB", 0, 0, 40, 40, 0) + b"\x08" + blocks + b"\x00\x3b")


@maker("ico")
def make_ico(rng):
    image = make_png(rng)
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 32, len(image), 22) + image


@maker("wav")
def make_wav(rng):
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(rng.randbytes(2 * rng.randint(500, 4000)))
    return out.getvalue()


@maker("mid")
def make_midi(rng):
    notes = b"".join(bytes([0, 0x90, n, 64, 96, 0x80, n, 0])
                     for n in (rng.randint(40, 80) for _ in range(100)))
    track = notes + b"\x00\xff\x2f\x00"
    return (b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(track))
            + track)


@maker("pdf")
def make_pdf(rng):
    text = "\n".join(f"BT /F1 12 Tf 72 {700 - 14 * i} Td ({sentence(rng)}) Tj ET"
                     for i in range(rng.randint(10, 40)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /MediaBox [0 0 612 792] >>",
               f"<< /Length {len(text)} >>\nstream\n{text}\nendstream"]
    body = "%PDF-1.4\n" + "".join(f"{i + 1} 0 obj\n{o}\nendobj\n" for i, o in enumerate(objects))
    return (body + "xref\n0 5\ntrailer << /Root 1 0 R /Size 5 >>\nstartxref\n9\n%%EOF\n").encode()


@maker("sqlite")
def make_sqlite(rng):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.db"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO records (text) VALUES (?)",
                               [(sentence(rng),) for _ in range(rng.randint(50, 200))])
        connection.commit()
        connection.close()
        return path.read_bytes()


@maker("pickle")
def make_pickle(rng):
    return pickle.dumps({name: [rng.random() for _ in range(20)] for name in names(rng, 20)})


@maker("pyc")
def make_bytecode(rng):
    source = "\n".join(f"def {name}(x):\n    return x + 1" for name in names(rng, 20))
    return (b"\xa7\x0d\x0d\x0a" + bytes(4) + struct.pack("<II", 1_767_225_600, len(source))
            + marshal.dumps(compile(source, "demo.py", "exec")))


@maker("class")
def make_class(rng):
    constants = b"".join(b"\x01" + struct.pack(">H", len(name)) + name.encode()
                         for name in names(rng, 30))
    return b"\xca\xfe\xba\xbe" + struct.pack(">HHH", 0, 52, 31) + constants + rng.randbytes(60)


@maker("elf")
def make_elf(rng):
    head = (b"\x7fELF\x02\x01\x01" + bytes(9)
            + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x401000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
            + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 4096, 4096, 4096))
    return head + bytes(3976) + rng.randbytes(rng.randint(1000, 6000))


@maker("wasm")
def make_wasm(rng):
    exports = b"".join(bytes([len(n)]) + n.encode() + b"\x00\x00" for n in names(rng, 5))
    return (b"\0asm\x01\0\0\0\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00"
            + b"\x07" + bytes([len(exports) + 1, 5]) + exports + b"\x0a\x04\x01\x02\x00\x0b")


@maker("plist")
def make_plist(rng):
    record = {name: sentence(rng) for name in names(rng, 20)}
    return plistlib.dumps(record, fmt=rng.choice([plistlib.FMT_XML, plistlib.FMT_BINARY]))


@maker("pcap")
def make_pcap(rng):
    packets = b""
    for i in range(rng.randint(10, 40)):
        content = bytes(12) + b"\x08\x00\x45" + rng.randbytes(60)
        packets += struct.pack("<IIII", 1_767_225_600 + i, 0, len(content), len(content)) + content
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + packets


def edge_cases(rng):
    """Name -> content of the files at the borders of the rules."""
    cases = {"empty": b"", "blank": b" \t\r\n" * 2000, "seven": b"abcdefg", "eight": b"abcdefgh",
             "one-byte": b"\xff", "short-not-utf8": b"\xff\xfe\x00\x01",
             "short-utf8": "ü€".encode(),
             "seven-in-blanks": b" " * 100 + b"abcdefg" + b"\n" * 5000,
             "eight-in-blanks": b" " * 100 + b"abcdefgh" + b"\n" * 5000,
             "blank-then-not-utf8": b"\n" * 4095 + b"\xff",
             "blank-beyond-block": b" " * 5000 + b"x",
             "nul-bytes": bytes(3000), "high-bytes": b"\xff" * 3000,
             "two-types": make_png(rng) + make_zip(rng),
             "text-in-binary": bytes(1500) + payload(rng),
             "binary-in-text": payload(rng)[:1500] + rng.randbytes(3000),
             "json-in-csv": b'{"a": 1}\n' * 5 + b"1,2,3\n" * 50,
             "polyglot": b"#!/bin/sh\n<?php echo 1; ?>\n",
             "block": make_txt(rng, 4096), "block-and-one": make_txt(rng, 4097),
             "block-less-one": make_txt(rng, 4095), "2048": make_txt(rng, 2048)}
    for size in (8, 64, 1023, 1024, 1025, 5000, 9000):
        cases[f"random-{size}"] = rng.randbytes(size)
        cases[f"letters-{size}"] = "".join(rng.choices("abcdefgh \n", k=size)).encode()
    return cases


def make_txt(rng, size):
    return (payload(rng) * (size // 500))[:size].ljust(size, b".")


def write_all(folder, seed=1):
    """Writes the files; returns their paths, sorted."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for suffix, make in sorted(MAKERS.items()):
        rng = random.Random(f"{seed}/{suffix}")
        for number in range(VARIANTS):
            files[f"whole-{number}.{suffix}"] = make(rng)
        whole = make(rng)
        files[f"truncated.{suffix}"] = whole[: rng.randint(4, max(5, len(whole) * 3 // 4))]
    for name, content in edge_cases(random.Random(f"{seed}/edges")).items():
        files[f"edge-{name}"] = content
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return sorted(folder / name for name in files)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    paths = write_all(sys.argv[1], *map(int, sys.argv[2:]))
    print(f"{len(paths)} files in {sys.argv[1]}")


if __name__ == "__main__":
    main()
