"""Trains on iris, exports with skl2onnx, and saves scikit-learn's own outputs as a case. Argument: the folder."""
import sys
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

folder = Path(sys.argv[1])
data = load_iris()
features = data.data.astype(np.float32)
model = LogisticRegression(max_iter=500).fit(features, data.target)
exported = to_onnx(model, features[:1], options={"zipmap": False}, target_opset=17)
(folder / "cases").mkdir(parents=True, exist_ok=True)
(folder / "iris.onnx").write_bytes(exported.SerializeToString())
np.savez(
    folder / "cases" / "iris.npz",
    X=features,
    label=model.predict(features),
    probabilities=model.predict_proba(features).astype(np.float32),
)
np.savez_compressed(folder / "iris.npz", X=features, y=data.target)
