"""Log and trace settings of the V2 protocol, by the real clients."""

import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

import programs

MODEL = programs.ROOT / "tests/fixtures/models/identity.onnx"


@pytest.fixture(params=["http", "grpc"])
def triton(request, start_serve):
    """The client of a protocol, its module, and whether its answers are messages."""
    serve = start_serve(MODEL, "--name", "m", "--allow-control")
    if request.param == "http":
        with triton_http.InferenceServerClient(
                serve.inference_url.removeprefix("http://")) as client:
            yield client, triton_http, serve
    else:
        with triton_grpc.InferenceServerClient(serve.grpc_address) as client:
            yield client, triton_grpc, serve


def plain(settings):
    """Settings as a dict of values, whichever protocol told them."""
    if isinstance(settings, dict):
        return {key: [str(one) for one in value] if isinstance(value, list) else value
                for key, value in settings.items()}
    told = {}
    for key, value in settings.settings.items():
        if hasattr(value, "value"):
            told[key] = list(value.value) if key == "trace_level" else value.value[0]
        else:
            told[key] = getattr(value, value.WhichOneof("parameter_choice"))
    return told


def test_log_settings(triton):
    client, module, serve = triton
    assert plain(client.get_log_settings()) == {
        "log_file": "", "log_info": True, "log_warning": True, "log_error": True,
        "log_verbose_level": 0, "log_format": "default"}
    told = plain(client.update_log_settings({"log_info": False, "log_format": "ISO8601"}))
    assert told["log_info"] is False and told["log_format"] == "ISO8601"
    for wrong in ({"log_error": False}, {"log_file": "/tmp/x"}, {"nope": True},
                  {"log_format": "json"}):
        with pytest.raises(module.InferenceServerException, match=next(iter(wrong))):
            client.update_log_settings(wrong)
    assert plain(client.get_log_settings())["log_info"] is False
    # An information that would be written otherwise.
    before = serve.log.read_text().count(" info ")
    client.unload_model("m")
    assert serve.log.read_text().count(" info ") == before
    client.update_log_settings({"log_info": True})
    client.load_model("m")
    assert serve.log.read_text().count(" info ") > before


def test_trace_settings(triton):
    client, module, _ = triton
    told = plain(client.get_trace_settings())
    assert told["trace_level"] == ["OFF"] and told["trace_rate"] == "1000"
    client.update_trace_settings(settings={"trace_rate": "5"})
    told = plain(client.update_trace_settings(model_name="m", settings={"trace_rate": "7"}))
    assert told["trace_rate"] == "7"
    assert plain(client.get_trace_settings())["trace_rate"] == "5"
    told = plain(client.update_trace_settings(model_name="m", settings={"trace_rate": None}))
    assert told["trace_rate"] == "5"
    for wrong in ({"trace_level": ["TIMESTAMPS"]}, {"trace_rate": "0"}, {"trace_file": "x"},
                  {"nope": "1"}):
        with pytest.raises(module.InferenceServerException):
            client.update_trace_settings(settings=wrong)
    with pytest.raises(module.InferenceServerException, match="'nope' is not found"):
        client.get_trace_settings(model_name="nope")


def test_settings_are_closed_unless_opened(start_serve):
    serve = start_serve(MODEL, "--name", "m")
    with triton_http.InferenceServerClient(serve.inference_url.removeprefix("http://")) as client:
        assert client.get_log_settings()["log_info"] is True
        with pytest.raises(triton_http.InferenceServerException, match="--allow-control"):
            client.update_log_settings({"log_info": False})
    with triton_grpc.InferenceServerClient(serve.grpc_address) as client:
        assert plain(client.get_log_settings())["log_info"] is True
        with pytest.raises(triton_grpc.InferenceServerException, match="--allow-control"):
            client.update_log_settings({"log_info": False})
        with pytest.raises(triton_grpc.InferenceServerException, match="--allow-control"):
            client.update_trace_settings(settings={"trace_rate": "2"})
