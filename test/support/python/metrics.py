"""Twenty labelled datasets with the metrics that scikit-learn gives them, as JSON on stdout."""
import json
import math
import warnings

import numpy as np
from sklearn import metrics

warnings.filterwarnings("ignore")
sets = []


def number(value):
    value = float(value)
    return None if math.isnan(value) else value


def scores_of(labels, scores, classes):
    predicted = scores.argmax(axis=1)
    found = {"accuracy": metrics.accuracy_score(labels, predicted)}
    for k in (1, 2, 3):
        if k < classes:
            found[f"top-{k}"] = metrics.top_k_accuracy_score(labels, scores, k=k, labels=range(classes)) if classes > 2 else None
    averaged = {}
    for average in ("macro", "micro", "weighted"):
        averaged[average] = {
            "precision": metrics.precision_score(labels, predicted, average=average, zero_division=0),
            "recall": metrics.recall_score(labels, predicted, average=average, zero_division=0),
            "f1": metrics.f1_score(labels, predicted, average=average, zero_division=0),
        }
    try:
        if classes == 2:
            found["auc"] = metrics.roc_auc_score(labels, scores[:, 1])
        else:
            found["auc"] = metrics.roc_auc_score(labels, scores, multi_class="ovr", labels=range(classes))
    except ValueError:
        found["auc"] = float("nan")
    return {name: number(value) for name, value in found.items() if value is not None}, averaged


def classified(name, seed, rows, classes, decimals=None, missing=None):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    if missing is not None:
        labels[labels == missing] = (missing + 1) % classes
    raw = random.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[labels] * random.random((rows, 1))
    scores = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    if decimals is not None:
        # Ties within and between rows; a power of two keeps every sum at exactly one.
        scores = np.floor(scores * 2**decimals) / 2**decimals
        scores[:, 0] += 1 - scores.sum(axis=1)
    values, averaged = scores_of(labels, scores, classes)
    sets.append({"name": name, "kind": "classified", "columns": classes, "labels": labels.tolist(), "output": scores.ravel().tolist(), "values": values, "averaged": averaged})


def binary(name, seed, rows, decimals=None):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, rows)
    score = 1 / (1 + np.exp(-(random.normal(size=rows) + labels)))
    if decimals is not None:
        score = np.round(score * 2**decimals) / 2**decimals
    predicted = (score >= 0.5).astype(int)
    values = {"accuracy": metrics.accuracy_score(labels, predicted), "auc": metrics.roc_auc_score(labels, score)}
    averaged = {"binary": {
        "precision": metrics.precision_score(labels, predicted, zero_division=0),
        "recall": metrics.recall_score(labels, predicted, zero_division=0),
        "f1": metrics.f1_score(labels, predicted, zero_division=0),
    }}
    sets.append({"name": name, "kind": "classified", "columns": 1, "labels": labels.tolist(), "output": score.tolist(), "values": values, "averaged": averaged})


def regressed(name, seed, rows, columns, scale=1.0, offset=0.0, constant=False):
    random = np.random.default_rng(seed)
    truth = np.full((rows, columns), 3.0) if constant else random.normal(size=(rows, columns)) * scale + offset
    predicted = truth + random.normal(size=(rows, columns)) * scale / 3
    values = {
        "mae": metrics.mean_absolute_error(truth, predicted),
        "rmse": metrics.root_mean_squared_error(truth, predicted),
        "r2": metrics.r2_score(truth, predicted),
    }
    sets.append({"name": name, "kind": "regressed", "columns": columns, "labels": truth.ravel().tolist(), "output": predicted.ravel().tolist(), "values": {k: number(v) for k, v in values.items()}, "averaged": {}})


classified("two classes", 1, 200, 2)
classified("three classes", 2, 300, 3)
classified("ten classes", 3, 500, 10)
classified("hundred classes", 4, 2000, 100)
classified("ties", 5, 300, 4, decimals=3)
classified("many ties", 6, 300, 5, decimals=1)
classified("two classes with ties", 7, 100, 2, decimals=2)
classified("a class without rows", 8, 200, 4, missing=2)
classified("a class without rows and ties", 9, 200, 6, decimals=2, missing=0)
classified("few rows", 10, 7, 3)
classified("one row", 11, 1, 3)
classified("more classes than rows", 12, 12, 20)
binary("probability of one class", 13, 300)
binary("probability with ties", 14, 300, decimals=3)
binary("probability with many ties", 15, 50, decimals=1)
regressed("one value", 16, 300, 1)
regressed("four values", 17, 200, 4)
regressed("large offset", 18, 500, 2, scale=1e-3, offset=1e3)
regressed("constant truth", 19, 50, 1, constant=True)
regressed("two rows", 20, 2, 1)
print(json.dumps(sets))
