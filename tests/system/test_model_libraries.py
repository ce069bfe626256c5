"""Models of scikit-learn, XGBoost and MLflow, as these write them, give these libraries' numbers.

They run in the interpreter that SLIPWAY_TEST_PYTHON names, else in that of the tests, and are
skipped by name where it does not have the library.
"""

import json
import os
import subprocess
import sys

import numpy
import pytest
import requests

PYTHON = os.environ.get("SLIPWAY_TEST_PYTHON", sys.executable)
# What each library is asked to do, in that interpreter: train, write the model, print its numbers.
PROLOGUE = """
import json, pathlib, sys
import numpy
folder = pathlib.Path(sys.argv[1])
rng = numpy.random.default_rng(5)
rows = rng.uniform(-1, 1, (200, 4))
labels = (rows[:, 0] + rows[:, 1] ** 2 > 0.3).astype(int)
asked = rng.uniform(-1, 1, (7, 4))
def told(model):
    found = {name: numpy.asarray(getattr(model, name)(asked)).tolist()
             for name in ("predict", "predict_proba") if hasattr(model, name)}
    print(json.dumps({"asked": asked.tolist(), "found": found}))
"""
SCIKIT = """
from sklearn.ensemble import RandomForestClassifier
model = RandomForestClassifier(n_estimators=10, random_state=1).fit(rows, labels)
"""
# The package, what the interpreter needs, and what it does.
LIBRARIES = {
    "joblib": (["sklearn", "joblib"], SCIKIT + """
import joblib
joblib.dump(model, folder / "model.joblib")
told(model)
"""),
    "pickle": (["sklearn"], SCIKIT + """
import pickle
(folder / "model.pkl").write_bytes(pickle.dumps(model))
told(model)
"""),
    "xgboost": (["xgboost"], """
import xgboost
model = xgboost.train({"max_depth": 3, "objective": "binary:logistic", "seed": 1},
                      xgboost.DMatrix(rows, label=labels), 8)
model.save_model(folder / "model.ubj")
class Booster:
    predict = staticmethod(lambda rows: model.predict(xgboost.DMatrix(rows)))
told(Booster)
"""),
    "mlflow": (["mlflow", "sklearn"], SCIKIT + """
import mlflow.pyfunc, mlflow.sklearn
mlflow.sklearn.save_model(model, str(folder / "model"), serialization_format="cloudpickle")
told(mlflow.pyfunc.load_model(str(folder / "model")))
"""),
}


def missing(modules):
    """The libraries that the interpreter does not have."""
    code = ("import importlib.util, sys\n"
            "print(*(m for m in sys.argv[1:] if importlib.util.find_spec(m) is None))")
    done = subprocess.run([PYTHON, "-c", code, *modules], capture_output=True, text=True,
                          check=True)
    return done.stdout.split()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_model_gives_the_numbers_of_its_library(start_centre, tmp_path, monkeypatch, library):
    modules, code = LIBRARIES[library]
    if absent := missing([*modules, "numpy"]):
        pytest.skip(f"{', '.join(absent)} not installed for {PYTHON}: SLIPWAY_TEST_PYTHON names "
                    "an interpreter that has it")
    monkeypatch.setenv("SLIPWAY_PYTHON", PYTHON)
    done = subprocess.run([PYTHON, "-c", PROLOGUE + code, str(tmp_path)], capture_output=True,
                          text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    wanted = json.loads(done.stdout.splitlines()[-1])
    (made,) = [path for path in tmp_path.iterdir() if path.name.startswith("model")]
    centre = start_centre()
    centre.cli("push", made, f"{library}:v1")
    shown = json.loads(centre.cli("inspect", f"{library}:v1", "-o", "json").stdout)
    assert shown["format"] == library
    centre.cli("deploy", f"{library}:v1", timeout_s=300)
    asked = numpy.array(wanted["asked"])
    for rows in (slice(0, 7), slice(2, 3)):
        body = {"inputs": [{"name": "input", "datatype": "FP64", "shape": list(asked[rows].shape),
                            "data": asked[rows].ravel().tolist()}]}
        answer = requests.post(f"{centre.inference_url}/v2/models/{library}/infer", json=body,
                               timeout=120)
        assert answer.status_code == 200, answer.text
        outputs = {output["name"]: numpy.reshape(output["data"], output["shape"])
                   for output in answer.json()["outputs"]}
        assert set(outputs) == set(wanted["found"])
        for name, values in wanted["found"].items():
            # The same code on the same numbers; JSON has all their digits.
            numpy.testing.assert_allclose(outputs[name], numpy.array(values)[rows], rtol=1e-6)
