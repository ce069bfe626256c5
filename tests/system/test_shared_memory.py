"""System shared memory of the V2 protocol, with tritonclient's own helpers."""

import os
import subprocess
import threading
import uuid

import numpy
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
import tritonclient.utils.shared_memory as shm

import programs

MODELS = programs.ROOT / "tests/fixtures/models"
ROW = numpy.array([[1, 2.5, -3, 4]], numpy.float32)


@pytest.fixture
def plane(start_serve):
    return start_serve(MODELS / "identity.onnx", "--name", "m", "--shared-memory",
                       "--allow-control")


@pytest.fixture(params=["http", "grpc"])
def triton(request, plane):
    """The client of a protocol, and its module."""
    if request.param == "http":
        with triton_http.InferenceServerClient(
                plane.inference_url.removeprefix("http://")) as client:
            yield client, triton_http
    else:
        with triton_grpc.InferenceServerClient(plane.grpc_address) as client:
            yield client, triton_grpc


@pytest.fixture
def memory():
    """Makes regions of shared memory, and destroys them at the end."""
    made = []

    def make(size):
        key = "/slipway-" + uuid.uuid4().hex
        handle = shm.create_shared_memory_region(key, key, size)
        made.append(handle)
        return key, handle

    yield make
    for handle in made:
        shm.destroy_shared_memory_region(handle)


def infer(triton, size=16, offset=0, out_size=16, out_offset=0):
    """Infers with input and output in the regions `in` and `out`."""
    client, module = triton
    given = module.InferInput("x", [1, 4], "FP32")
    given.set_shared_memory("in", size, offset)
    wanted = module.InferRequestedOutput("y")
    wanted.set_shared_memory("out", out_size, out_offset)
    return client.infer("m", [given], outputs=[wanted])


def test_tensors_go_through_shared_memory(triton, memory):
    client, module = triton
    in_key, in_handle = memory(64)
    out_key, out_handle = memory(64)
    shm.set_shared_memory_region(in_handle, [numpy.zeros((1, 4), numpy.float32), ROW])
    client.register_system_shared_memory("in", in_key, 64)
    client.register_system_shared_memory("out", out_key, 48, offset=16)
    result = infer(triton, offset=16, out_offset=8)
    written = shm.get_contents_as_numpy(out_handle, numpy.float32, [1, 4], offset=24)
    assert written.tolist() == ROW.tolist()
    output = result.get_output("y")
    if module is triton_http:
        assert output["parameters"] == {"shared_memory_region": "out", "shared_memory_offset": 8,
                                        "shared_memory_byte_size": 16}
        assert output["shape"] == [1, 4] and "data" not in output
    else:
        assert output.parameters["shared_memory_region"].string_param == "out"
        assert not any(result.get_response().raw_output_contents)
    status = client.get_system_shared_memory_status("out")
    if module is triton_http:
        assert status == [{"name": "out", "key": out_key, "offset": 16, "byte_size": 48}]
        assert len(client.get_system_shared_memory_status()) == 2
    else:
        assert status.regions["out"].offset == 16 and status.regions["out"].key == out_key
        assert len(client.get_system_shared_memory_status().regions) == 2
    client.unregister_system_shared_memory("in")
    with pytest.raises(module.InferenceServerException,
                       match="Unable to find shared memory region: 'in'"):
        infer(triton)
    client.unregister_system_shared_memory()
    client.unregister_system_shared_memory("never-there")


def test_one_tensor_in_memory_and_one_in_the_message(triton, start_serve, memory, tmp_path):
    _, module = triton
    tensors = [{"name": name, "datatype": "FP32", "shape": [-1, 4]} for name in "abxy"]
    (tmp_path / "two.fake.json").write_text(
        f'{{"inputs": {tensors[:2]}, "outputs": {tensors[2:]}}}'.replace("'", '"'))
    serve = start_serve(tmp_path / "two.fake.json", "--shared-memory", "--allow-control")
    address = (serve.inference_url.removeprefix("http://") if module is triton_http
               else serve.grpc_address)
    key, handle = memory(16)
    shm.set_shared_memory_region(handle, [ROW])
    with module.InferenceServerClient(address) as client:
        client.register_system_shared_memory("in", key, 16)
        shared, sent = (module.InferInput(name, [1, 4], "FP32") for name in "ab")
        shared.set_shared_memory("in", 16)
        sent.set_data_from_numpy(ROW * 2)
        result = client.infer("two", [shared, sent])
        assert result.as_numpy("x").tolist() == ROW.tolist()
        assert result.as_numpy("y").tolist() == (ROW * 2).tolist()
        wanted = module.InferRequestedOutput("x")
        wanted.set_shared_memory("in", 16)
        shared.set_shared_memory("in", 16)
        result = client.infer("two", [shared, sent],
                              outputs=[wanted, module.InferRequestedOutput("y")])
        assert result.as_numpy("y").tolist() == (ROW * 2).tolist()


def test_what_does_not_fit_is_said(triton, memory):
    client, module = triton
    in_key, in_handle = memory(16)
    out_key, _ = memory(16)
    shm.set_shared_memory_region(in_handle, [ROW])
    client.register_system_shared_memory("in", in_key, 16)
    client.register_system_shared_memory("out", out_key, 16)
    for wrong, text in (({"size": 12}, "expecting 16"), ({"size": 20}, "Invalid offset"),
                        ({"offset": 4}, "Invalid offset"), ({"out_size": 12}, "at least 16"),
                        ({"out_offset": 1}, "Invalid offset"),
                        ({"size": 1 << 40}, "the most that one request may have")):
        with pytest.raises(module.InferenceServerException, match=text):
            infer(triton, **wrong)
    with pytest.raises(module.InferenceServerException, match="already in manager"):
        client.register_system_shared_memory("in", in_key, 16)
    for key, size in (("/nowhere-at-all", 16), ("/../etc/passwd", 16), ("/a/b", 16), (in_key, 17),
                      (in_key, 1 << 62)):
        with pytest.raises(module.InferenceServerException):
            client.register_system_shared_memory("more", key, size)
    infer(triton)


def test_a_region_that_shrinks_harms_nobody(triton, memory):
    client, module = triton
    size = 1 << 16
    in_key, in_handle = memory(size)
    out_key, _ = memory(size)
    shm.set_shared_memory_region(in_handle, [ROW])
    client.register_system_shared_memory("in", in_key, size)
    client.register_system_shared_memory("out", out_key, size)
    infer(triton)
    for key in (in_key, out_key):
        os.truncate("/dev/shm" + key, 0)
        with pytest.raises(module.InferenceServerException, match="smaller than it was"):
            infer(triton)
        os.truncate("/dev/shm" + key, size)
        infer(triton)


def test_regions_come_and_go_under_use(plane, memory):
    key, handle = memory(16)
    shm.set_shared_memory_region(handle, [ROW])
    address = plane.inference_url.removeprefix("http://")
    stop = threading.Event()

    def change():
        with triton_http.InferenceServerClient(address) as client:
            while not stop.is_set():
                for name in ("in", "out"):
                    client.register_system_shared_memory(name, key, 16)
                client.unregister_system_shared_memory()

    thread = threading.Thread(target=change)
    thread.start()
    answered = 0
    try:
        with triton_http.InferenceServerClient(address) as client:
            for _ in range(300):
                try:
                    infer((client, triton_http))
                    answered += 1
                except triton_http.InferenceServerException as error:
                    assert "Unable to find shared memory region" in str(error)
    finally:
        stop.set()
        thread.join()
    assert plane.process.poll() is None


def test_cuda_memory_is_refused_cleanly(triton):
    client, module = triton
    with pytest.raises(module.InferenceServerException, match="GPUs not supported"):
        client.register_cuda_shared_memory("c", b"aGFuZGxl", 0, 16)
    status = client.get_cuda_shared_memory_status()
    assert status == [] if module is triton_http else not status.regions
    client.unregister_cuda_shared_memory()


def test_it_is_opened_by_who_starts_the_server(start_serve, memory):
    key, _ = memory(16)
    body = {"key": key, "offset": 0, "byte_size": 16}
    closed = start_serve(MODELS / "identity.onnx", "--name", "m", "--allow-control")
    path = "/v2/systemsharedmemory/region/r/register"
    refused = requests.post(closed.inference_url + path, json=body, timeout=10)
    assert refused.status_code == 501 and "--shared-memory" in refused.json()["error"]
    assert "system_shared_memory" not in requests.get(
        closed.inference_url + "/v2", timeout=10).json()["extensions"]
    done = subprocess.run([programs.BINARY, "serve", MODELS / "identity.onnx", "--shared-memory",
                           "--port-base", "0"], capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode == 2 and "--allow-control" in done.stderr
