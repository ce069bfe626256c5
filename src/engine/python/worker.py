"""The worker of models that are Python: docs/formats/worker.md is what it speaks with serve.

Started by `slipway worker`, which has confined it. Descriptor 3 is its control socket; the
arguments are the models that the code is given, NAME=FOLDER.
"""

import collections
import contextlib
import importlib.util
import inspect
import mmap
import os
import pathlib
import socket
import struct
import sys
import threading
import time
import traceback

CONTROL = 3
PROTOCOL = 2
LOAD, OPEN, INTERRUPT, RUN, ROOM, NEXT, LOADED, FAILED, DONE, NEED, DROP = range(1, 12)
MAX_FRAME = 128 << 10
ALIGNMENT = 64
CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED, FAILED_PRECONDITION, INTERNAL = 1, 3, 4, 9, 13
NO_DEADLINE = 2 ** 63 - 1


def refuse_all(text):
    """Answers whatever is asked to be loaded, before anything else here can be used."""
    with socket.socket(fileno=CONTROL) as control:
        control.recv(MAX_FRAME)
        fields = [value for part in ("PYTHON_MODULE", text)
                  for value in (struct.pack("<I", len(part.encode())), part.encode())]
        control.send(struct.pack("<II", FAILED, FAILED_PRECONDITION) + b"".join(fields))


try:
    import numpy
except ImportError as missing:
    refuse_all(f"the interpreter {sys.executable} cannot import numpy ({missing}): install it "
               "there, or name another interpreter with SLIPWAY_PYTHON in the environment of "
               "slipway")
    sys.exit()

# name: (number, numpy's type); BF16 travels as the 16 bits that it is.
TYPES = {"BOOL": (1, "?"), "UINT8": (2, "u1"), "UINT16": (3, "<u2"), "UINT32": (4, "<u4"),
         "UINT64": (5, "<u8"), "INT8": (6, "i1"), "INT16": (7, "<i2"), "INT32": (8, "<i4"),
         "INT64": (9, "<i8"), "FP16": (10, "<f2"), "FP32": (11, "<f4"), "FP64": (12, "<f8"),
         "BYTES": (13, "O"), "BF16": (14, "<u2")}
BY_NUMBER = {number: (name, numpy.dtype(kind)) for name, (number, kind) in TYPES.items()}
BYTES = TYPES["BYTES"][0]
NAMES = {numpy.dtype(kind): name for name, (_, kind) in TYPES.items() if name not in ("BF16",)}


class Refused(Exception):
    """The model cannot be served as it is; its text is for the user."""


class Writer:
    """Puts a frame together."""

    def __init__(self, kind):
        self.parts = [struct.pack("<I", kind)]

    def number(self, code, *values):
        self.parts.append(struct.pack("<" + code, *values))

    def text(self, text):
        data = text.encode("utf-8", "replace")
        self.parts += [struct.pack("<I", len(data)), data]

    def dims(self, dims):
        self.number(f"I{len(dims)}q", len(dims), *dims)

    def bytes(self):
        return b"".join(self.parts)


class Reader:
    """Takes a frame apart."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, code):
        value, = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def text(self):
        size = self.number("I")
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def dims(self):
        return tuple(self.number("q") for _ in range(self.number("I")))

    def place(self):
        return (self.number("I"), self.number("I"), self.dims(), self.number("Q"), self.number("Q"))


def failure(code, reason, message):
    frame = Writer(FAILED)
    frame.number("I", code)
    frame.text(reason)
    frame.text(message[:4096])
    return frame.bytes()


def last_line(error):
    """What Python says of an error in its last line."""
    return "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1]


# --- what can be loaded --------------------------------------------------------------------------


def takes(function, *arguments):
    """Whether it can be called with these."""
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:
        pass  # it does not tell, as functions of C: the call will
    return True


class Predictor:
    """A file of the user's with load(folder) or load(folder, models), predict(model, inputs),
    INPUTS and OUTPUTS."""

    platform = "python"

    def __init__(self, path):
        sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location("predictor", path)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.need(path, "predict")
        self.model = self.load(path, dict(word.split("=", 1) for word in sys.argv[1:]))
        self.need(path, "INPUTS", "OUTPUTS")
        self.inputs, self.outputs = list(self.module.INPUTS), list(self.module.OUTPUTS)

    def need(self, path, *names):
        for name in names:
            if not hasattr(self.module, name):
                raise Refused(f"{path.name} has no {name}: it needs INPUTS, OUTPUTS, "
                              "predict(model, inputs) and, if it likes, load(folder)")

    def load(self, path, models):
        load, folder = getattr(self.module, "load", None), str(path.parent)
        if not models and (load is None or takes(load, folder)):
            return load(folder) if load else None
        if load and takes(load, folder, models):
            return load(folder, models)
        if models:
            raise Refused(f"{path.name} is given models and has no load(folder, models) that would "
                          f"take them: models is a dict of folders, here of {', '.join(models)}")
        return load(folder)

    def predict(self, inputs):
        return self.module.predict(self.model, inputs)


def type_of(array):
    if array.dtype.kind in "OSU":
        return "BYTES"
    return NAMES.get(array.dtype.newbyteorder("<"), "FP64")


class Estimator:
    """An object with predict(rows), and perhaps predict_proba(rows): scikit-learn's form."""

    platform = "python_pickle"

    def __init__(self, path):
        self.model = self.read(path)
        if not hasattr(self.model, "predict"):
            raise Refused(f"{path.name} holds a {type(self.model).__name__}, which has no "
                          "predict(): give the model a predictor.py that knows what to do with it")
        width = int(getattr(self.model, "n_features_in_", -1))
        self.inputs = [("input", "FP64", [-1, width])]
        self.methods = {"predict": self.model.predict}
        if hasattr(self.model, "predict_proba"):
            self.methods["predict_proba"] = self.model.predict_proba
        self.outputs = self.look(max(width, 1))

    def read(self, path):
        import pickle
        with open(path, "rb") as file:
            return pickle.load(file)

    def look(self, width):
        """What the outputs are, from a row of zeros."""
        outputs = []
        for name, method in self.methods.items():
            try:
                found = numpy.asarray(method(numpy.zeros((1, width))))
                outputs.append((name, type_of(found), [-1, *found.shape[1:]]))
            except Exception:  # zeros need not be good input
                outputs.append((name, "FP64", [-1] if name == "predict" else [-1, -1]))
        return outputs

    def predict(self, inputs):
        return {name: method(inputs["input"]) for name, method in self.methods.items()}


class Joblib(Estimator):
    """The same, as joblib writes it."""

    platform = "python_joblib"

    def read(self, path):
        import joblib
        return joblib.load(path)


class XGBoost(Estimator):
    """A booster in XGBoost's own format."""

    platform = "python_xgboost"

    def read(self, path):
        import xgboost
        booster = xgboost.Booster(model_file=str(path))
        names = booster.feature_names

        class Rows:
            n_features_in_ = booster.num_features()

            @staticmethod
            def predict(rows):
                return booster.predict(xgboost.DMatrix(rows, feature_names=names))

        return Rows()


class MLflow(Estimator):
    """A folder that MLflow wrote, by its pyfunc flavour."""

    platform = "python_mlflow"

    def read(self, path):
        import mlflow.pyfunc
        return mlflow.pyfunc.load_model(str(path.parent))


LOADERS = {"python": Predictor, "pickle": Estimator, "joblib": Joblib, "xgboost": XGBoost,
           "mlflow": MLflow}


# --- tensors in segments -------------------------------------------------------------------------


def read_tensor(segment, place):
    _, number, dims, offset, size = place
    kind = BY_NUMBER[number][1]
    if number != BYTES:
        array = numpy.frombuffer(segment, kind, size // kind.itemsize, offset).reshape(dims)
        array.flags.writeable = False
        return array
    texts, at = [], offset
    while at < offset + size:
        length, = struct.unpack_from("<I", segment, at)
        texts.append(segment[at + 4:at + 4 + length])
        at += 4 + length
    array = numpy.empty(len(texts), object)
    array[:] = texts
    return array.reshape(dims)


def as_bytes(value):
    return value.encode() if isinstance(value, str) else bytes(value)


def to_output(name, kind, dims, value):
    """The array that goes out, and its bytes if it is one of strings."""
    number, code = TYPES[kind]
    array = numpy.asarray(value, object if kind == "BYTES" else None)
    if array.ndim != len(dims) or any(want not in (-1, have)
                                      for want, have in zip(dims, array.shape)):
        raise ValueError(f"output '{name}' has the shape {list(array.shape)}, "
                         f"declared is {list(dims)}")
    if number == BYTES:
        parts = []
        for text in array.reshape(-1):
            data = as_bytes(text)
            parts += [struct.pack("<I", len(data)), data]
        return array.shape, number, b"".join(parts)
    array = numpy.ascontiguousarray(array.astype(code, casting="same_kind", copy=False))
    return array.shape, number, memoryview(array.reshape(-1)).cast("B") if array.size else b""


class Ended(Exception):
    """A run was over before its turn came; its arguments are those of failure()."""


class Turn:
    """Calls predict() for one at a time, and never for a run that nobody waits for any more."""

    def __init__(self):
        self.changed = threading.Condition()
        self.is_taken = False

    @contextlib.contextmanager
    def of(self, run, session):
        with self.changed:
            self.take(run, session)
        try:
            yield
        finally:
            with self.changed:
                self.is_taken = False
                self.changed.notify_all()

    def take(self, run, session):
        left = threading.TIMEOUT_MAX
        if run.deadline != NO_DEADLINE:
            left = min(left, max(0, run.deadline - time.monotonic_ns()) / 1e9)
        is_due = self.changed.wait_for(
            lambda: not self.is_taken or session.interrupted >= run.number, left)
        if session.interrupted >= run.number:
            raise Ended(CANCELLED, "RUN_CANCELLED", "the run was ended early")
        if not is_due or time.monotonic_ns() >= run.deadline:
            raise Ended(DEADLINE_EXCEEDED, "RUN_DEADLINE", "Request timeout expired")
        self.is_taken = True

    def interrupt(self, session, number):
        """Ends that run where it waits, or as soon as it comes."""
        with self.changed:
            session.interrupted = max(session.interrupted, number)
            self.changed.notify_all()


Run = collections.namedtuple("Run", "number deadline places wanted")


class Session:
    """One run after the other, on a thread of its own."""

    turn = Turn()

    def __init__(self, model, line):
        self.model, self.line = model, line
        self.input = self.output = None
        self.interrupted = 0  # the last run that is to end
        self.is_over = False
        threading.Thread(target=self.loop, daemon=True).start()

    def receive(self):
        data, descriptors, _, _ = socket.recv_fds(self.line, MAX_FRAME, 2)
        segments = []
        for descriptor in descriptors:
            segments.append(mmap.mmap(descriptor, 0))
            os.close(descriptor)
        return data, segments

    def loop(self):
        try:
            while True:
                data, segments = self.receive()
                if not data:
                    return
                self.answer(Reader(data), segments)
        except OSError:
            pass  # nobody is there any more
        finally:
            self.is_over = True
            self.input = self.output = None
            self.line.close()

    def answer(self, frame, segments):
        kind = frame.number("I")
        if kind == DROP:
            self.drop(frame.number("I"), frame.number("I"))
            return
        if kind != RUN:
            raise OSError("no run")
        number, deadline = frame.number("Q"), frame.number("q")
        if frame.number("I"):
            self.input = segments.pop(0)
        if frame.number("I"):
            self.output = segments.pop(0)
        run = Run(number, deadline, [frame.place() for _ in range(frame.number("I"))],
                  [frame.number("I") for _ in range(frame.number("I"))])
        try:
            outputs = self.predict(run)
        except Ended as end:
            self.line.send(failure(*end.args))
            return
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            self.line.send(failure(INTERNAL, "PYTHON_ERROR", last_line(error)))
            return
        self.send(run, outputs)

    def drop(self, is_input, is_output):
        """Lets go of segments, as soon as the model keeps no array of them."""
        if is_input:
            self.input = None
        if is_output:
            self.output = None

    def predict(self, run):
        inputs = {self.model.inputs[place[0]][0]: read_tensor(self.input, place)
                  for place in run.places}
        with Session.turn.of(run, self):
            given = self.model.predict(inputs)
        if not isinstance(given, dict):
            raise TypeError(f"predict() gave a {type(given).__name__}, not a dict of outputs")
        outputs = []
        for index in run.wanted:
            name, kind, dims = self.model.outputs[index]
            if name not in given:
                raise KeyError(f"predict() gave no output '{name}'")
            outputs.append(to_output(name, kind, dims, given[name]))
        return outputs

    def send(self, run, outputs):
        offsets, size = [], 0
        for _, _, data in outputs:
            size = -(-size // ALIGNMENT) * ALIGNMENT
            offsets.append(size)
            size += len(data)
        if size > len(self.output):
            frame = Writer(NEED)
            frame.number("QQ", run.number, size)
            self.line.send(frame.bytes())
            data, segments = self.receive()
            if not data or not segments:
                raise OSError("no room")
            self.output = segments[0]
        frame = Writer(DONE)
        frame.number("QII", run.number, 1, len(outputs))
        for index, offset, (shape, number, data) in zip(run.wanted, offsets, outputs):
            self.output[offset:offset + len(data)] = data
            frame.number("II", index, number)
            frame.dims(shape)
            frame.number("QQ", offset, len(data))
        self.line.send(frame.bytes())


# --- the control socket --------------------------------------------------------------------------


def check_specs(what, specs):
    for spec in specs:
        if len(spec) != 3 or spec[1] not in TYPES:
            raise Refused(f"{what} has {spec!r}: each is (name, type, dims), such as "
                          "('x', 'FP32', [-1, 4]), and types are the V2 protocol's")


def load(frame):
    if frame.number("I") != PROTOCOL:
        raise Refused("the data plane speaks another protocol")
    frame.number("I")  # threads, and the GPU: what code makes of its machine is its own affair
    frame.number("i")
    kind, path = frame.text(), pathlib.Path(frame.text())
    model = LOADERS[kind](path)
    check_specs("INPUTS", model.inputs)
    check_specs("OUTPUTS", model.outputs)
    return model


def loaded(model):
    frame = Writer(LOADED)
    frame.number("II", PROTOCOL, 0)
    frame.text(model.platform)
    for specs in (model.inputs, model.outputs):
        frame.number("I", len(specs))
        for name, kind, dims in specs:
            frame.text(name)
            frame.number("I", TYPES[kind][0])
            frame.dims(dims)
            for _ in dims:
                frame.text("")
    return frame.bytes()


def serve_control(control, model):
    """Sessions and their interrupts, until serve closes its end."""
    sessions = {}
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, MAX_FRAME, 1)
        if not data:
            os._exit(0)  # runs that are under way have nobody left
        frame = Reader(data)
        kind, number = frame.number("I"), frame.number("I")
        sessions = {key: one for key, one in sessions.items() if not one.is_over}
        if kind == OPEN and descriptors:
            sessions[number] = Session(model, socket.socket(fileno=descriptors[0]))
        elif kind == INTERRUPT and number in sessions:
            Session.turn.interrupt(sessions[number], frame.number("Q"))


def main():
    control = socket.socket(fileno=CONTROL)
    frame = Reader(control.recv(MAX_FRAME))
    frame.number("I")
    try:
        model = load(frame)
        control.send(loaded(model))
    except ImportError as error:
        control.send(failure(FAILED_PRECONDITION, "PYTHON_MODULE",
                             f"{last_line(error)}: install it for {sys.executable}, or name "
                             "another interpreter with SLIPWAY_PYTHON"))
        return
    except Refused as error:
        control.send(failure(INVALID_ARGUMENT, "MODEL_INVALID", str(error)))
        return
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        control.send(failure(INVALID_ARGUMENT, "MODEL_INVALID",
                             f"the model does not load: {last_line(error)}"))
        return
    serve_control(control, model)


if __name__ == "__main__":
    main()
