#!/usr/bin/env python3
"""Tells what is in a file: the magika model, served by Slipway, asked over the V2 protocol.

    examples/magika/identify.py FILE...

Only the standard library is used. What is done to the bytes before and to the scores after the
model is what magika documents for its model standard_v3_3; the constants come from the model's own
config.min.json, which lies beside model.onnx.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import stat
import sys
import urllib.error
import urllib.parse
import urllib.request


class InferenceError(Exception):
    """The service could not be asked, or refused; the text says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Answer:
    label: str  # "python"; what to tell a person
    score: float  # of the model's own first choice; 1.0 where no model was needed
    model_label: str  # the model's own first choice; "undefined" where no model was needed


class Rules:
    """The model's documented pre- and post-processing, without any I/O but reading the file."""

    def __init__(self, assets):
        assets = pathlib.Path(assets)
        config = json.loads((assets / "config.min.json").read_text(encoding="utf-8"))
        types = json.loads((assets / "content_types_kb.min.json").read_text(encoding="utf-8"))
        if config["mid_size"] != 0 or config["use_inputs_at_offsets"]:
            raise ValueError(f"{assets}: made for another generation of models than standard_v3_3")
        self.types = types
        self.labels = config["target_labels_space"]
        self.begin_size = config["beg_size"]
        self.end_size = config["end_size"]
        self.block_size = config["block_size"]
        self.padding = config["padding_token"]
        self.min_size = config["min_file_size_for_dl"]
        self.thresholds = config["thresholds"]
        self.default_threshold = config["medium_confidence_threshold"]
        self.overwrites = config["overwrite_map"]

    def before(self, path):
        """An Answer where no model is needed, else the model's input: a list of integers."""
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return Answer("directory", 1.0, "undefined")
        if not stat.S_ISREG(mode):
            return Answer("unknown", 1.0, "undefined")
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            first = file.read(min(self.block_size, size))
            file.seek(max(0, size - self.block_size))
            last = file.read(self.block_size)
        return self.before_blocks(size, first, last)

    def before_blocks(self, size, first, last):
        """The same for a file of `size` bytes with these first and last blocks."""
        if size == 0:
            return Answer("empty", 1.0, "undefined")
        begin = first.lstrip()[: self.begin_size]
        if size < self.min_size or len(begin) < self.min_size:
            return Answer("txt" if is_utf8(first) else "unknown", 1.0, "undefined")
        end = last.rstrip()[-self.end_size :]
        return (
            list(begin)
            + [self.padding] * (self.begin_size - len(begin))
            + [self.padding] * (self.end_size - len(end))
            + list(end)
        )

    def after(self, scores):
        """The Answer for one row of the model's output."""
        best = max(range(len(scores)), key=scores.__getitem__)
        model_label, score = self.labels[best], scores[best]
        label = self.overwrites.get(model_label, model_label)
        if score < self.thresholds.get(model_label, self.default_threshold):
            label = "txt" if self.types[label]["is_text"] else "unknown"
        return Answer(label, score, model_label)


def is_utf8(content):
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class Service:
    """One service of a data plane, asked with plain JSON."""

    def __init__(self, url, name, token=None):
        self.address = f"{url.rstrip('/')}/v2/models/{urllib.parse.quote(name, safe='')}/infer"
        self.headers = {"Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def infer(self, rows):
        """Scores for each row of integers."""
        request = {
            "inputs": [
                {"name": "bytes", "datatype": "INT32", "shape": [len(rows), len(rows[0])],
                 "data": rows}
            ],
            "outputs": [{"name": "target_label"}],
        }
        output = self._post(request)["outputs"][0]
        count, width = output["shape"]
        data = output["data"]
        return [data[row * width : (row + 1) * width] for row in range(count)]

    def _post(self, request):
        message = urllib.request.Request(
            self.address, data=json.dumps(request).encode(), headers=self.headers
        )
        try:
            with urllib.request.urlopen(message, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise InferenceError(f"{self.address} answered {error.code}: {reason(error)}") from None
        except urllib.error.URLError as error:
            raise InferenceError(
                f"{self.address} cannot be reached ({error.reason}); is the data plane running?"
            ) from None


def reason(error):
    text = error.read().decode("utf-8", "replace")
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text or error.reason


def identify(rules, service, paths, batch=1):
    """Yields (path, Answer or OSError) for each path, in order; `batch` files make a request.

    A batch costs less time a file, but its sums are made in another order: scores may differ in
    the fourth digit from those of single requests.
    """
    for start in range(0, len(paths), batch):
        found, rows = {}, {}
        for index, path in enumerate(paths[start : start + batch]):
            try:
                result = rules.before(path)
            except OSError as error:
                result = error
            (rows if isinstance(result, list) else found)[index] = result
        if rows:
            for index, scores in zip(rows, service.infer(list(rows.values()))):
                found[index] = rules.after(scores)
        for index in sorted(found):
            yield paths[start + index], found[index]


def default_assets():
    cache = os.environ.get("SLIPWAY_CACHE") or pathlib.Path.home() / ".cache" / "slipway"
    return pathlib.Path(cache) / "magika" / "1.0.3"


def arguments():
    parser = argparse.ArgumentParser(description="Tells what is in a file.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the data plane")
    parser.add_argument("--service", default="magika", help="that serves the model")
    parser.add_argument("--token-file", help="file with a token, where the service wants one")
    parser.add_argument("--assets", default=default_assets(),
                        help="folder with config.min.json and content_types_kb.min.json")
    parser.add_argument("--batch", type=int, default=1, help="files in one request, 1 to 256")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args()
    if not 1 <= options.batch <= 256:
        parser.error(f"--batch: 1 to 256, got {options.batch}")
    return options


def show(path, answer, rules, as_json):
    """Prints one line; returns False for a file that could not be read."""
    if isinstance(answer, OSError):
        print(f"{path}: {answer.strerror}", file=sys.stderr)
        return False
    if as_json:
        print(json.dumps({"path": path} | dataclasses.asdict(answer)))
    else:
        info = rules.types[answer.label]
        text = info["description"] or answer.label
        print(f"{path}: {text} ({answer.label}, {answer.score:.1%})")
    return True


def main():
    options = arguments()
    token = None
    try:
        if options.token_file:
            token = pathlib.Path(options.token_file).read_text(encoding="utf-8").strip()
        rules = Rules(options.assets)
        service = Service(options.url, options.service, token)
        shown = [show(path, answer, rules, options.json)
                 for path, answer in identify(rules, service, options.files, options.batch)]
    except (InferenceError, OSError, ValueError) as error:
        print(f"identify.py: {error}", file=sys.stderr)
        return 1
    return 0 if all(shown) else 1


if __name__ == "__main__":
    sys.exit(main())
