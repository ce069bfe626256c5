"""Ensembles of a Triton repository: steps, tensors between them, and what follows their models."""

import concurrent.futures
import json
import threading

import numpy
import onnx
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from onnx import TensorProto, helper

import programs

ROWS = numpy.array([[1, 2, 3, 4], [5, 6, 7, 8]], numpy.float32)
STRINGS = programs.ROOT / "tests/fixtures/models/string_identity.onnx"

SUM = """
platform: "ensemble"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "sum" data_type: TYPE_FP32 dims: [ 4 ] },
         { name: "double" data_type: TYPE_FP32 dims: [ 4 ] } ]
ensemble_scheduling { step [
  { model_name: "add" model_version: -1
    input_map { key: "a" value: "double" } input_map { key: "b" value: "triple" }
    output_map { key: "y" value: "sum" } },
  { model_name: "twice" model_version: -1
    input_map { key: "x" value: "x" } output_map { key: "y" value: "double" } },
  { model_name: "thrice" model_version: -1
    input_map { key: "x" value: "x" } output_map { key: "y" value: "triple" } }
] }
"""


def save(path, nodes, inputs, outputs, constants=()):
    """Writes an ONNX model whose tensors are FP32[n,4]."""
    def tensors(names):
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in names]
    graph = helper.make_graph(nodes, "test", tensors(inputs), tensors(outputs), constants)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)


def scale(root, name, factor, version=1):
    """A model y = factor * x."""
    constant = helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])
    save(root / name / str(version) / "model.onnx",
         [helper.make_node("Mul", ["x", "factor"], ["y"])], ["x"], ["y"], [constant])


def fake(root, name, inputs=("x",), outputs=("y",), **more):
    """A model that answers with its inputs, and what makes it slow or bad."""
    def tensors(names):
        return [{"name": one, "datatype": "FP32", "shape": [-1, 4], "symbols": ["n", ""]}
                for one in names]
    path = root / name / "1" / "model.fake.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"inputs": tensors(inputs), "outputs": tensors(outputs), **more}))


def ensemble(root, name, config):
    (root / name / "1").mkdir(parents=True, exist_ok=True)
    (root / name / "config.pbtxt").write_text(config)


def chain(models, batch=8):
    """The configuration of an ensemble x -> ... -> y through models x -> y."""
    steps = []
    for at, model in enumerate(models):
        source = "x" if at == 0 else f"t{at}"
        target = "y" if at == len(models) - 1 else f"t{at + 1}"
        steps.append(f'{{ model_name: "{model}" model_version: -1 '
                     f'input_map {{ key: "x" value: "{source}" }} '
                     f'output_map {{ key: "y" value: "{target}" }} }}')
    dims = "4" if batch else "-1, 4"
    return (f'platform: "ensemble" max_batch_size: {batch} '
            f'input [ {{ name: "x" data_type: TYPE_FP32 dims: [ {dims} ] }} ] '
            f'output [ {{ name: "y" data_type: TYPE_FP32 dims: [ {dims} ] }} ] '
            f'ensemble_scheduling {{ step [ {", ".join(steps)} ] }}')


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "models"
    scale(root, "twice", 2)
    scale(root, "thrice", 3)
    save(root / "add" / "1" / "model.onnx", [helper.make_node("Add", ["a", "b"], ["y"])],
         ["a", "b"], ["y"])
    ensemble(root, "sum", SUM)
    return root


@pytest.fixture
def serve(start_serve, repository):
    def start(*flags):
        return start_serve(f"--model-repository={repository}", "--allow-control", *flags)
    return start


def clients(plane):
    """Both clients of Triton, each with its module."""
    return [(triton_http.InferenceServerClient(plane.inference_url.removeprefix("http://")),
             triton_http),
            (triton_grpc.InferenceServerClient(plane.grpc_address), triton_grpc)]


def ask(client, module, model, rows=ROWS, outputs=None, **more):
    """What a model of x FP32[n,4] answers."""
    given = module.InferInput("x", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows)
    wanted = None
    if outputs is not None:
        wanted = [module.InferRequestedOutput(name) for name in outputs]
    return client.infer(model, [given], outputs=wanted, **more)


def index_of(plane):
    index = requests.post(plane.inference_url + "/v2/repository/index", timeout=10).json()
    return {model["name"]: (model.get("state", ""), model.get("reason", "")) for model in index}


def statistics_of(plane, model):
    [stats] = requests.get(f"{plane.inference_url}/v2/models/{model}/stats",
                           timeout=10).json()["model_stats"]
    return stats


def load(plane, model):
    return requests.post(f"{plane.inference_url}/v2/repository/models/{model}/load", timeout=60)


def unload(plane, model):
    reply = requests.post(f"{plane.inference_url}/v2/repository/models/{model}/unload", timeout=60)
    assert reply.status_code == 200


def is_ready(plane, model):
    reply = requests.get(f"{plane.inference_url}/v2/models/{model}/ready", timeout=10)
    return reply.status_code == 200


def infer(plane, model, values=(1, 2, 3, 4), **more):
    body = {"inputs": [{"name": "x", "shape": [len(values) // 4, 4], "datatype": "FP32",
                        "data": list(values)}], **more}
    return requests.post(f"{plane.inference_url}/v2/models/{model}/infer", json=body, timeout=60)


def test_both_protocols_run_the_steps(serve):
    plane = serve()
    for client, module in clients(plane):
        answer = ask(client, module, "sum")
        assert answer.as_numpy("sum").tolist() == (ROWS * 5).tolist()
        assert answer.as_numpy("double").tolist() == (ROWS * 2).tolist()
        metadata = client.get_model_metadata("sum")
        config = client.get_model_config("sum")
        client.close()
        if module is triton_grpc:
            metadata, config = ({"platform": metadata.platform}, {
                "platform": config.config.platform,
                "max_batch_size": config.config.max_batch_size,
                "steps": [step.model_name for step in config.config.ensemble_scheduling.step]})
        else:
            config["steps"] = [step["model_name"] for step in config["ensemble_scheduling"]["step"]]
        assert metadata["platform"] == config["platform"] == "ensemble"
        assert config["max_batch_size"] == 8 and config["steps"] == ["add", "twice", "thrice"]
    told = requests.get(plane.inference_url + "/v2/models/sum", timeout=10).json()
    assert told["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]


def test_statistics_count_for_the_ensemble_and_its_members(serve):
    plane = serve()
    for _ in range(3):
        assert infer(plane, "sum", range(8)).status_code == 200
    assert infer(plane, "twice").status_code == 200
    for model, requests_, rows in (("sum", 3, 6), ("twice", 4, None), ("thrice", 3, None),
                                   ("add", 3, None)):
        stats = statistics_of(plane, model)
        assert stats["inference_stats"]["success"]["count"] == requests_, model
        assert stats["execution_count"] == requests_, model
        assert rows is None or stats["inference_count"] == rows
    metrics = requests.get(plane.metrics_url, timeout=10).text
    assert 'nv_inference_request_success{model="sum",namespace="default",version="1"} 3' in metrics


def test_steps_whose_outputs_nobody_wants_do_not_run(serve):
    plane = serve()
    answer = infer(plane, "sum", outputs=[{"name": "double"}]).json()
    assert [output["name"] for output in answer["outputs"]] == ["double"]
    assert answer["outputs"][0]["data"] == [2, 4, 6, 8]
    assert statistics_of(plane, "thrice")["inference_stats"]["success"]["count"] == 0
    assert statistics_of(plane, "add")["inference_stats"]["success"]["count"] == 0


def test_independent_steps_run_at_the_same_time(serve, repository):
    # Where one began after the other had ended, the whole would take as long as both.
    for name in ("left", "right"):
        fake(repository, name, delayUs=200_000)
    ensemble(repository, "beside", SUM.replace('"twice"', '"left"').replace('"thrice"', '"right"'))
    plane = serve()
    assert infer(plane, "beside").json()["outputs"][0]["data"] == [2, 4, 6, 8]
    left, right = (statistics_of(plane, name)["inference_stats"]["success"]["ns"]
                   for name in ("left", "right"))
    both = statistics_of(plane, "beside")["inference_stats"]["success"]["ns"]
    assert both < left + right


def test_an_error_of_a_step_names_it_and_the_model(serve, repository):
    fake(repository, "picky", failOn=13)
    ensemble(repository, "risky", chain(["twice", "picky"]))
    plane = serve()
    assert infer(plane, "risky").json()["outputs"][0]["data"] == [2, 4, 6, 8]
    refused = infer(plane, "risky", [6.5, 0, 0, 0])
    assert refused.status_code == 500
    assert "in ensemble 'risky', step[1] ('picky'): " in refused.json()["error"]
    assert statistics_of(plane, "risky")["inference_stats"]["fail"]["count"] == 1
    assert statistics_of(plane, "picky")["inference_stats"]["fail"]["count"] == 1
    for client, module in clients(plane):
        with pytest.raises(module.InferenceServerException, match=r"step\[1\] \('picky'\)"):
            ask(client, module, "risky", numpy.full([1, 4], 6.5, numpy.float32))
        client.close()


def test_rows_above_the_batch_size_are_refused(serve):
    plane = serve()
    refused = infer(plane, "sum", [0] * 36)
    assert refused.status_code == 400 and "batch-size must be <= 8" in refused.json()["error"]


def test_strings_go_through_an_ensemble(start_serve, repository):
    folder = repository / "echo" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(STRINGS.read_bytes())
    session = onnx.load(STRINGS)
    source, target = session.graph.input[0], session.graph.output[0]
    dims = ", ".join(str(dim.dim_value or -1) for dim in source.type.tensor_type.shape.dim)
    tensor = f"data_type: TYPE_STRING dims: [ {dims} ]"
    steps = ", ".join(
        f'{{ model_name: "echo" model_version: 1 input_map {{ key: "{source.name}" value: "{a}" }}'
        f' output_map {{ key: "{target.name}" value: "{b}" }} }}'
        for a, b in (("in", "between"), ("between", "out")))
    ensemble(repository, "words", f'platform: "ensemble" input [ {{ name: "in" {tensor} }} ] '
             f'output [ {{ name: "out" {tensor} }}, {{ name: "between" {tensor} }} ] '
             f'ensemble_scheduling {{ step [ {steps} ] }}')
    plane = start_serve(f"--model-repository={repository}")
    shape = [dim.dim_value or 2 for dim in source.type.tensor_type.shape.dim]
    words = numpy.array([b"", b"caf\xc3\xa9", b"a\0b", b"x" * 100_000] * 8, object)
    words = numpy.resize(words, shape)
    for client, module in clients(plane):
        given = module.InferInput("in", shape, "BYTES")
        given.set_data_from_numpy(words)
        answer = client.infer("words", [given])
        assert answer.as_numpy("out").tolist() == words.tolist()
        assert answer.as_numpy("between").tolist() == words.tolist()
        client.close()


def test_ensembles_of_ensembles(serve, repository):
    ensemble(repository, "six", chain(["twice", "thrice"]))
    ensemble(repository, "by36", chain(["six", "six"]))
    fake(repository, "bad", failOn=36)
    ensemble(repository, "deep", chain(["by36", "bad"]))
    ensemble(repository, "deeper", chain(["deep"]))
    plane = serve()
    assert infer(plane, "deeper", [2, 0, 0, 0]).json()["outputs"][0]["data"] == [72, 0, 0, 0]
    assert statistics_of(plane, "twice")["inference_stats"]["success"]["count"] == 2
    refused = infer(plane, "deeper").json()["error"]
    assert refused.startswith("in ensemble 'deeper', step[0] ('deep'): "
                              "in ensemble 'deep', step[1] ('bad'): ")


@pytest.mark.parametrize("change, told", [
    (('model_name: "twice"', 'model_name: "nobody"'),
     "ensemble_scheduling.step[1].model_name: there is no model 'nobody'"),
    (('"twice" model_version: -1', '"twice" model_version: 7'),
     "ensemble_scheduling.step[1].model_version: 'twice' version 7"),
    (('key: "a"', 'key: "c"'), "ensemble_scheduling.step[0].input_map: the input 'a' of 'add'"),
    (('{ key: "b" value: "triple" }', '{ key: "b" value: "triple" } input_map '
      '{ key: "c" value: "x" }'),
     "ensemble_scheduling.step[0].input_map['c']: 'add' has no such input; there are: 'a', 'b'"),
    (('value: "triple" }\n    output', 'value: "nothing" }\n    output'),
     "ensemble_scheduling.step[0].input_map['b']: no step gives the tensor 'nothing'"),
    (('key: "y" value: "sum"', 'key: "z" value: "sum"'),
     "ensemble_scheduling.step[0].output_map['z']: 'add' has no such output; there are: 'y'"),
    (('value: "triple" } }\n]', 'value: "double" } }\n]'),
     "ensemble_scheduling.step[2].output_map['y']: the tensor 'double' comes from "
     "ensemble_scheduling.step[1]"),
    (('input_map { key: "x" value: "x" } output_map { key: "y" value: "double" }',
      'input_map { key: "x" value: "sum" } output_map { key: "y" value: "double" }'),
     "a circle, which never begins"),
    (('name: "x" data_type: TYPE_FP32', 'name: "x" data_type: TYPE_INT64'),
     "the tensor 'x' is INT64 [-1,4] as the ensemble's input, and 'twice' takes FP32 [-1,4]"),
    (('name: "double" data_type: TYPE_FP32 dims: [ 4 ]',
      'name: "double" data_type: TYPE_FP32 dims: [ 5 ]'),
     "output[1]: the ensemble says that 'double' is FP32 [-1,5], and it is FP32 [-1,4]"),
    (('name: "double"', 'name: "missing"'), "output[1].name: no step gives the tensor 'missing'"),
    (('platform: "ensemble"', 'platform: "onnxruntime_onnx"'), "platform: 'onnxruntime_onnx'"),
    (('model_name: "twice"', 'model_name: "sum"'), "such a circle never begins"),
])
def test_what_does_not_fit_is_refused_with_the_field(serve, repository, change, told):
    assert change[0] in SUM
    ensemble(repository, "sum", SUM.replace(*change, 1))
    plane = serve()
    state, reason = index_of(plane)["sum"]
    assert state == "UNAVAILABLE" and told in reason
    assert is_ready(plane, "twice") and not is_ready(plane, "sum")
    refused = load(plane, "sum")
    assert refused.status_code == 400 and "failed to load 'sum'" in refused.json()["error"]
    ensemble(repository, "sum", SUM)
    assert load(plane, "sum").status_code == 200 and is_ready(plane, "sum")


def test_too_many_runs_are_refused(serve, repository):
    ensemble(repository, "pow0", chain(["twice", "twice"]))
    for at in range(1, 12):
        ensemble(repository, f"pow{at}", chain([f"pow{at - 1}"] * 2))
    plane = serve()
    state, reason = index_of(plane)["pow11"]
    assert state == "UNAVAILABLE" and "more than 256 runs" in index_of(plane)["pow7"][1]
    assert "'pow10' cannot serve" in reason and len(reason) < 500
    answer = infer(plane, "pow5", [1, 0, 0, 0]).json()["outputs"][0]["data"]
    assert numpy.float32(answer[0]) == numpy.float32(2) ** 64


def test_an_ensemble_follows_its_models(serve, repository):
    plane = serve()
    unload(plane, "thrice")
    assert not is_ready(plane, "sum") and is_ready(plane, "twice")
    state, reason = index_of(plane)["sum"]
    assert state == "UNAVAILABLE" and "step[2].model_name: there is no model 'thrice'" in reason
    assert infer(plane, "sum").status_code in (400, 503)
    scale(repository, "thrice", 30, version=2)
    assert load(plane, "thrice").status_code == 200 and is_ready(plane, "sum")
    assert infer(plane, "sum").json()["outputs"][0]["data"] == [32, 64, 96, 128]
    # Of another shape it does not fit any more: the ensemble waits until it does.
    save(repository / "thrice" / "3" / "model.onnx", [helper.make_node("Add", ["x", "z"], ["y"])],
         ["x", "z"], ["y"])
    assert load(plane, "thrice").status_code == 200
    assert not is_ready(plane, "sum")
    assert "the input 'z' of 'thrice' is missing" in index_of(plane)["sum"][1]


def test_an_ensemble_that_missed_a_model_at_the_start_serves_when_it_is_loaded(serve, repository):
    ensemble(repository, "outer", chain(["inner", "late"]))
    ensemble(repository, "inner", chain(["late", "later"]))
    ensemble(repository, "unwanted", chain(["late"]))
    for name in ("late", "later"):
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "1" / "model.onnx").write_bytes(b"not yet a model")
    plane = serve()
    assert is_ready(plane, "sum") and not is_ready(plane, "outer")
    assert "'late' cannot serve" in index_of(plane)["inner"][1]
    unload(plane, "unwanted")
    scale(repository, "late", 2)
    scale(repository, "later", 5)
    assert load(plane, "late").status_code == 200
    assert not is_ready(plane, "inner") and not is_ready(plane, "outer")
    assert load(plane, "later").status_code == 200
    assert is_ready(plane, "inner") and is_ready(plane, "outer")
    assert infer(plane, "outer").json()["outputs"][0]["data"] == [20, 40, 60, 80]
    # What somebody unloaded stays so.
    assert not is_ready(plane, "unwanted")


def test_a_load_brings_the_models_of_the_steps(serve, repository):
    ensemble(repository, "outer", chain(["inner"]))
    ensemble(repository, "inner", chain(["twice"]))
    plane = serve()
    for model in ("outer", "inner", "twice", "sum"):
        unload(plane, model)
    assert not is_ready(plane, "twice")
    assert load(plane, "outer").status_code == 200
    assert is_ready(plane, "outer") and is_ready(plane, "inner") and is_ready(plane, "twice")
    assert not is_ready(plane, "sum")
    unload(plane, "outer")
    assert is_ready(plane, "inner")
    for client, _ in clients(plane):
        client.load_model("outer")
        client.unload_model("outer", unload_dependents=True)
        assert not is_ready(plane, "inner") and not is_ready(plane, "twice")
        client.close()
    ensemble(repository, "inner", chain(["outer"]))
    unload(plane, "inner")
    assert "such a circle never begins" in load(plane, "outer").json()["error"]


def test_loads_at_the_same_time_share_the_models_of_their_steps(serve, repository):
    fake(repository, "large", loadDelayUs=300_000)
    names = [f"e{number}" for number in range(4)]
    for name in names:
        ensemble(repository, name, chain(["large", "twice"]))
    plane = serve()
    for name in ("large", "twice", *names):
        unload(plane, name)
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(lambda name: load(plane, name), names))
    assert [answer.text for answer in answers] == [""] * len(names)
    assert all(is_ready(plane, name) for name in names)


def test_no_request_fails_while_a_model_of_a_step_changes(serve, repository):
    fake(repository, "slow", delayUs=2_000)
    ensemble(repository, "line", chain(["twice", "slow", "twice"]))
    plane = serve()
    answers, stop = [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            reply = infer(plane, "line", [1, 0, 0, 0])
            answers.append((reply.status_code, reply.json().get("outputs", [{}])[0].get("data")))

    askers = [threading.Thread(target=keep_asking) for _ in range(4)]
    for asker in askers:
        asker.start()
    for version in range(2, 8):
        scale(repository, "twice", version, version=version)
        assert load(plane, "twice").status_code == 200
    stop.set()
    for asker in askers:
        asker.join()
    # Each request has one state of the models: both of its steps the same version.
    squares = {float(version * version) for version in range(2, 8)}
    assert all(status == 200 and data[0] in squares for status, data in answers), answers


def test_deadlines_go_through(serve, repository):
    fake(repository, "forever", delayUs=60_000_000)
    ensemble(repository, "late", chain(["twice", "forever"]))
    plane = serve()
    with triton_grpc.InferenceServerClient(plane.grpc_address) as client:
        with pytest.raises(triton_grpc.InferenceServerException) as error:
            ask(client, triton_grpc, "late", client_timeout=0.5)
    assert "Deadline" in error.value.message() or "DEADLINE" in str(error.value.status())
    late = infer(plane, "late", parameters={"timeout": 300_000})
    assert late.status_code in (408, 503, 504) and "timeout" in late.json()["error"].lower()
    # The run of the step was ended with it: nothing is under way any more.
    programs.wait_until(
        lambda: statistics_of(plane, "forever")["inference_stats"]["fail"]["count"] == 2,
        "both runs of the slow step to end")


def test_each_step_has_the_batching_of_its_model(serve, repository):
    fake(repository, "shared", delayUs=20_000)
    (repository / "shared" / "config.pbtxt").write_text(
        'max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 200000 '
        'preferred_batch_size: [ 8 ] } instance_group [ { count: 1 kind: KIND_CPU } ]')
    ensemble(repository, "joined", chain(["twice", "shared"]))
    plane = serve()
    results = {}

    def one(number):
        results[number] = infer(plane, "joined", [number] * 4).json()["outputs"][0]["data"]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [2.0 * number] * 4 for number in range(16)}
    stats = statistics_of(plane, "shared")
    assert stats["inference_count"] == 16 and stats["execution_count"] < 16
    assert statistics_of(plane, "joined")["execution_count"] == 16


def test_an_ensemble_takes_no_more_rows_than_its_models(serve, repository):
    fake(repository, "four")
    (repository / "four" / "config.pbtxt").write_text("max_batch_size: 4 dynamic_batching { }")
    ensemble(repository, "many", chain(["four"]))
    ensemble(repository, "few", chain(["four"], batch=4))
    plane = serve()
    assert index_of(plane)["few"][0] == "READY"
    assert "max_batch_size: the ensemble takes 8 rows" in index_of(plane)["many"][1]
