"""Inference over HTTP: the Open Inference Protocol (V2) with the standard library."""

from __future__ import annotations

import dataclasses
import http.client
import json
import pathlib
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import _program
from .errors import (DeadlineExceeded, FailedPrecondition, Internal, InvalidArgument, SlipwayError,
                     Unavailable, error_of)

try:
    import numpy
except ImportError:  # lists will do
    numpy = None  # type: ignore[assignment]

_DTYPES = {"BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32",
           "UINT64": "uint64", "INT8": "int8", "INT16": "int16", "INT32": "int32",
           "INT64": "int64", "FP16": "float16", "FP32": "float32", "FP64": "float64"}
_DATATYPES = {dtype: datatype for datatype, dtype in _DTYPES.items()}
_CODES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED",
          404: "NOT_FOUND", 408: "DEADLINE_EXCEEDED", 409: "FAILED_PRECONDITION",
          413: "RESOURCE_EXHAUSTED", 429: "RESOURCE_EXHAUSTED", 501: "UNIMPLEMENTED",
          503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED", 507: "RESOURCE_EXHAUSTED"}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor as V2 writes it; `data` is nested as `shape` says, or flat."""
    data: Any
    datatype: str  # "FP32", "INT64", "BYTES", ...
    shape: Tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Inference:
    """The answer of a service: `answer["y"]` is an output, in the kind that the inputs were."""
    model: str
    version: str  # the revision that answered
    outputs: Dict[str, Any]
    datatypes: Dict[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.outputs[name]


def infer(service: str, inputs: Mapping[str, Any], *, outputs: Optional[Sequence[str]] = None,
          url: Optional[str] = None, token: Optional[str] = None, ca_file: Optional[str] = None,
          project: Optional[str] = None, version: Optional[str] = None,
          timeout: float = 60.0) -> Inference:
    """Asks a service. Inputs are nested lists, numpy arrays or Tensors by their names.

    Without `url` the data plane of the current context is asked, with its token and authority.
    Lists get the type that the service states for that input. Answers are arrays if any input was
    one, else nested lists.
    """
    if url is None:
        url, token, ca_file = _context(token, ca_file)
    target = _Target(_base(url, service, project, version), token, ca_file, timeout)
    is_array = numpy is not None and any(isinstance(value, numpy.ndarray)
                                         for value in inputs.values())
    request: Dict[str, Any] = {"inputs": _tensors(inputs, target)}
    if outputs is not None:
        request["outputs"] = [{"name": name} for name in outputs]
    answer = target.ask("/infer", request)
    try:
        return Inference(
            model=answer["model_name"], version=answer.get("model_version", ""),
            outputs={output["name"]: _value(output, is_array) for output in answer["outputs"]},
            datatypes={output["name"]: output["datatype"] for output in answer["outputs"]})
    except (KeyError, TypeError, ValueError) as error:
        raise Internal("ANSWER_INVALID", f"{url} answered with something else than V2") from error


class _Target:
    """One model of a data plane."""

    def __init__(self, base: str, token: Optional[str], ca_file: Optional[str], timeout: float):
        self.base, self.timeout = base, timeout
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.context = (ssl.create_default_context(cafile=ca_file)
                        if base.startswith("https:") else None)

    def ask(self, path: str, body: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
        """POST with a body, else GET; the answer's JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, headers={
            **self.headers, **({"Content-Type": "application/json"} if data else {})})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout,
                                        context=self.context) as answer:
                shown: Dict[str, Any] = json.load(answer)
                return shown
        except urllib.error.HTTPError as refused:
            with refused:
                raise _refusal(refused.code, refused.read()) from None
        except TimeoutError as error:
            raise self._late() from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise self._late() from error
            raise Unavailable("CONNECT_FAILED", f"{self.base}: {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable("ANSWER_CUT", f"{self.base}: {error}") from error
        except ValueError as error:
            raise Internal("ANSWER_INVALID", f"{self.base} did not answer in JSON") from error

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded("INFERENCE_TIMEOUT",
                                f"{self.base} did not answer in {self.timeout} s")


def _context(token: Optional[str],
             ca_file: Optional[str]) -> Tuple[str, Optional[str], Optional[str]]:
    """Address, token and authority of the data plane of the current context."""
    context = _program.run_json("context", "show")
    if not context.get("inference"):
        raise FailedPrecondition("INFERENCE_MISSING",
                                 f"context {context.get('name')} has no data plane: add it with "
                                 "`slipway context add --inference URL`, or pass url")
    if token is None and context.get("tokenFile"):
        try:
            token = pathlib.Path(context["tokenFile"]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise FailedPrecondition("TOKEN_UNREADABLE", str(error)) from error
    return context["inference"], token, ca_file or context.get("caFile") or None


def _base(url: str, service: str, project: Optional[str], version: Optional[str]) -> str:
    base = url.rstrip("/")
    if project and project != "default":
        base += "/p/" + urllib.parse.quote(project, safe="")
    base += "/v2/models/" + urllib.parse.quote(service, safe="")
    if version:
        base += "/versions/" + urllib.parse.quote(version, safe="")
    return base


def _refusal(status: int, body: bytes) -> SlipwayError:
    reason, message = "INFERENCE_REFUSED", f"the data plane answered {status} without a reason"
    try:
        said = json.loads(body)
        message = said.get("error") or said.get("detail") or message
        reason = said.get("reason") or reason
    except (ValueError, AttributeError):
        pass
    return error_of(_CODES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT"),
                    reason, message)


def _tensors(inputs: Mapping[str, Any], target: _Target) -> List[Dict[str, Any]]:
    stated: Optional[Dict[str, str]] = None
    tensors = []
    for name, value in inputs.items():
        if not isinstance(value, Tensor):
            if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
                value = _of_array(name, numpy.asarray(value))
            else:
                if stated is None:
                    known = target.ask("").get("inputs", [])
                    stated = {tensor["name"]: tensor["datatype"] for tensor in known}
                shape, flat = _flatten(name, value)
                value = Tensor(flat, stated.get(name) or _guess(flat), shape)
        tensors.append({"name": name, "shape": list(value.shape), "datatype": value.datatype,
                        "data": value.data})
    return tensors


def _of_array(name: str, array: Any) -> Tensor:
    if array.dtype.kind in "USO":
        flat = [item.decode() if isinstance(item, bytes) else str(item) for item in array.ravel()]
        return Tensor(flat, "BYTES", array.shape)
    datatype = _DATATYPES.get(array.dtype.name)
    if datatype is None:
        raise InvalidArgument("DATATYPE_UNKNOWN",
                              f"{name}: V2 has no type for numpy's {array.dtype.name}")
    return Tensor(array.ravel().tolist(), datatype, array.shape)


def _flatten(name: str, value: Any) -> Tuple[Tuple[int, ...], List[Any]]:
    """Shape and elements of nested lists, which must be even."""
    if not isinstance(value, (list, tuple)):
        return (), [value]
    parts = [_flatten(name, item) for item in value]
    shapes = {shape for shape, _ in parts}
    if len(shapes) > 1:
        raise InvalidArgument("SHAPE_UNEVEN",
                              f"{name}: lists of one level differ in length or depth")
    inner = shapes.pop() if shapes else ()
    return (len(parts), *inner), [element for _, flat in parts for element in flat]


def _guess(flat: Sequence[Any]) -> str:
    if all(isinstance(element, bool) for element in flat):
        return "BOOL"
    if all(isinstance(element, int) for element in flat):
        return "INT64"
    return "BYTES" if any(isinstance(element, str) for element in flat) else "FP32"


def _value(output: Mapping[str, Any], is_array: bool) -> Any:
    shape, flat = output["shape"], output["data"]
    if is_array:
        dtype = _DTYPES.get(output["datatype"])
        if dtype is None:
            return numpy.array(flat, dtype=object).reshape(shape)
        if dtype.startswith("float"):  # null is what JSON has for values that are not finite
            flat = [float("nan") if element is None else element for element in flat]
        return numpy.array(flat, dtype=dtype).reshape(shape)
    return _nest(flat, shape)


def _nest(flat: List[Any], shape: Sequence[int]) -> Any:
    if not shape:
        return flat[0]
    if len(shape) == 1:
        return flat
    step = 1
    for length in shape[1:]:
        step *= length
    return [_nest(flat[at * step:(at + 1) * step], shape[1:]) for at in range(shape[0])]
