"""What a plain Python server of a model is: FastAPI, uvicorn, onnxruntime. fastapi-server.py MODEL PORT"""

import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(double)": np.float64, "tensor(bool)": bool}
dtypes = {value.name: DTYPES[value.type] for value in session.get_inputs()}
names = [value.name for value in session.get_outputs()]
app = FastAPI()


class Request(BaseModel):
    inputs: dict[str, list]


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/predict")
def predict(request: Request):
    try:
        feeds = {name: np.array(value, dtype=dtypes[name]) for name, value in request.inputs.items()}
        outputs = session.run(names, feeds)
    except Exception as error:
        raise HTTPException(400, str(error))
    return {"outputs": {name: output.tolist() for name, output in zip(names, outputs)}}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", workers=1)
