"""Talks to a server with Triton's own HTTP client: triton_client.py URL MODEL; prints what it found as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

url = sys.argv[1]
client = http.InferenceServerClient(url)
found = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "extensions": client.get_server_metadata()["extensions"],
    "models": sorted(model["name"] for model in client.get_model_repository_index()),
    "kinds": {},
}

DTYPES = {
    "FP32": np.float32,
    "FP64": np.float64,
    "FP16": np.float16,
    "INT64": np.int64,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT32": np.int32,
    "BOOL": np.bool_,
    "BYTES": np.object_,
}


def values(datatype, shape, seed):
    random = np.random.default_rng(seed)
    if datatype == "BYTES":
        texts = [f"text {index} \u00e9" for index in range(int(np.prod(shape)))]
        return np.array([text.encode() for text in texts], dtype=np.object_).reshape(shape)
    if datatype == "BOOL":
        return random.random(shape) < 0.5
    if datatype.startswith("FP"):
        return random.random(shape).astype(DTYPES[datatype])
    return random.integers(0, 8, shape).astype(DTYPES[datatype])


def run(model, inputs, outputs, binary):
    fed = []
    for tensor, array in inputs:
        given = http.InferInput(tensor["name"], list(array.shape), tensor["datatype"])
        given.set_data_from_numpy(array, binary_data=binary)
        fed.append(given)
    wanted = [http.InferRequestedOutput(output["name"], binary_data=binary) for output in outputs]
    answer = client.infer(model, fed, outputs=wanted, request_id="r1")
    assert answer.get_response()["id"] == "r1"
    return {output["name"]: answer.as_numpy(output["name"]) for output in outputs}


def texts(array):
    return [value.decode() if isinstance(value, bytes) else str(value) for value in array.reshape(-1)]


def same(one, other):
    if one.dtype == np.object_ or other.dtype == np.object_:
        return texts(one) == texts(other)
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-3, atol=1e-3)


for model in sys.argv[2:]:
    metadata = client.get_model_metadata(model)
    assert client.is_model_ready(model)
    rows = 2
    inputs = []
    for seed, tensor in enumerate(metadata["inputs"]):
        shape = [rows if size < 0 else size for size in tensor["shape"]]
        inputs.append((tensor, values(tensor["datatype"], shape, seed)))
    in_bytes = run(model, inputs, metadata["outputs"], True)
    # The client itself refuses to write float16 as JSON.
    has_half = any(tensor["datatype"] == "FP16" for tensor, _ in inputs)
    in_json = None if has_half else run(model, inputs, metadata["outputs"], False)
    without_names = client.infer(model, [
        (lambda given, array: (given.set_data_from_numpy(array), given)[1])(
            http.InferInput(tensor["name"], list(array.shape), tensor["datatype"]), array
        )
        for tensor, array in inputs
    ])
    for output in metadata["outputs"]:
        name = output["name"]
        if in_json is not None:
            assert same(in_json[name], in_bytes[name]), (model, name)
        assert same(without_names.as_numpy(name), in_bytes[name]), (model, name)
        if output["datatype"] != "BYTES":
            assert in_bytes[name].dtype == DTYPES[output["datatype"]], (model, name, in_bytes[name].dtype)
    found["kinds"][model] = {
        "inputs": [tensor["datatype"] for tensor, _ in inputs],
        "outputs": {
            name: texts(array) if array.dtype == np.object_ else np.asarray(array, dtype=np.float64).tolist()
            for name, array in in_bytes.items()
            if array.size <= 64
        },
        "fed": {
            tensor["name"]: texts(array) if array.dtype == np.object_ else np.asarray(array, dtype=np.float64).tolist()
            for tensor, array in inputs
            if array.size <= 64
        },
    }

try:
    client.infer("nothing", [])
    found["unknown"] = None
except InferenceServerException as error:
    found["unknown"] = [error.status(), error.message()]

print(json.dumps(found))
