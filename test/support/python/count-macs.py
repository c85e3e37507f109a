"""Counts multiply-accumulates with onnx-tool. Arguments: model, folder with input_*.pb or '-'. Prints one JSON object."""

import contextlib
import glob
import io
import json
import os
import sys
import warnings

import numpy
import onnx
import onnx_tool
from onnx import numpy_helper

warnings.simplefilter("ignore")
path, case = sys.argv[1:3]
model = onnx.load(path)
initializers = {tensor.name for tensor in model.graph.initializer}
feeds = {}
for index, value in enumerate(v for v in model.graph.input if v.name not in initializers):
    file = os.path.join(case, f"input_{index}.pb")
    if os.path.exists(file):
        tensor = onnx.TensorProto()
        with open(file, "rb") as stream:
            tensor.ParseFromString(stream.read())
        feeds[value.name] = numpy_helper.to_array(tensor)
    else:
        sizes = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        feeds[value.name] = numpy.zeros(sizes, dtype=dtype)

with contextlib.redirect_stdout(io.StringIO()):
    tool = onnx_tool.Model(path, {"constant_folding": True})
    tool.graph.shape_infer(feeds)
    tool.graph.profile()

total, bias, products = 0, 0, 0
for node in tool.graph.nodemap.values():
    macs = int(node.macs[0] if isinstance(node.macs, (list, tuple)) else node.macs)
    total += macs
    if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        products += macs
        # onnx-tool also counts the addition of a bias, one for each output element.
        if node.op_type in ("Conv", "ConvTranspose", "Gemm") and len(node.input) > 2:
            bias += int(numpy.prod(tool.graph.tensormap[node.output[0]].get_shape()))
print(json.dumps({"total": total, "products": products, "bias": bias}))
