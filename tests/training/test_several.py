"""Several inputs and outputs are ordinary: through fit, store, save and load."""

import keras
import numpy as np
import pytest
from starlette.testclient import TestClient

import transferlearn as tl
from tests import several
from transferlearn.measuring import measure

pytestmark = pytest.mark.core


@pytest.fixture(scope="module")
def backbone():
    return several.backbone()


def builder(backbone, **settings):
    settings = {"head": several.TwoHeads(), "seed": 0, "batch_size": 16, **settings}
    return several.PairBuilder(backbone, **settings)


@pytest.mark.full
def test_it_trains_both_outputs_and_reads_both_inputs(backbone):
    fitted = builder(backbone, freeze="all", learning_rate=0.03).fit(
        several.data(256), several.data(256, seed=2), epochs=40, verbose=0
    )
    history = fitted.history.history
    # Guessing gets 0.5 right of 256, with a standard error of 0.03; trained were 0.70 to 0.73.
    assert history["val_choice_accuracy"][-1] > 0.62
    assert history["val_difference_mae"][-1] < 0.7 * history["val_difference_mae"][0]
    assert [tensor.name for tensor in fitted.model.inputs] == ["left", "right", "told"]
    assert fitted.phases[0].stored.items == 512


@pytest.mark.parametrize(
    "freeze",
    ["first", *(pytest.param(name, marks=pytest.mark.full) for name in ("all", "none"))],
)
def test_stored_equals_computed_anew(backbone, freeze):
    fits = [
        builder(backbone, freeze=freeze, head=several.TwoHeads(dropout=0.3)).fit(
            several.data(), epochs=3, cache=cache, verbose=0
        )
        for cache in (False, True if freeze != "none" else "auto")
    ]
    assert (fits[1].phases[0].stored is None) == (freeze == "none")
    for one, other in zip(*(fitted.model.weights for fitted in fits), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_frozen_stays_frozen(backbone):
    fitted = builder(backbone, freeze="second").fit(several.data(), epochs=2, verbose=0)
    for name, moves in (("first", False), ("second", False), ("mixed", True)):
        before = backbone.model.get_layer(name).get_weights()
        after = fitted.model.get_layer(name).get_weights()
        same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
        assert not any(same) if moves else all(same), name


def test_a_solved_head_is_no_choice_and_that_is_said(backbone):
    fitted = builder(backbone).fit(several.data(), schedule="probe", epochs=2, verbose=0)
    assert fitted.phases[0].not_solved


def test_it_is_saved_and_loaded(backbone, tmp_path):
    fitted = builder(backbone, freeze="all").fit(several.data(), epochs=2, verbose=0)
    fitted.save(tmp_path / "saved")
    again = tl.load(tmp_path / "saved")
    assert again.kind == several.Pairs()
    assert again.encoding == several.AnswerEncoding()
    pairs, rows = several.data(8, seed=3)
    inputs = [pairs[:, 0], pairs[:, 1], rows[:, 2:].astype("float32")]
    expected = fitted.model.predict(inputs, verbose=0)
    plain = keras.models.load_model(tmp_path / "saved" / "model.keras")
    np.testing.assert_allclose(plain.predict(inputs, verbose=0)["choice"], expected["choice"])
    assert again.predict(pairs) == fitted.predict(pairs)


def test_all_answer_alike_where_nobody_knows_the_further_input(backbone, tmp_path):
    pytest.importorskip("tf2onnx")
    fitted = builder(backbone, freeze="all").fit(several.data(), epochs=2, verbose=0)
    pairs, rows = several.data(40, seed=3)
    told = np.repeat([several.AnswerEncoding.inputs["told"].filled()], len(pairs), axis=0)
    expected = fitted.model.predict([pairs[:, 0], pairs[:, 1], told], verbose=0)
    choices, differences = expected["choice"].argmax(axis=1), expected["difference"][:, 0]

    def check(found):
        assert [choice for choice, _ in found] == list(choices)
        np.testing.assert_allclose([number for _, number in found], differences, atol=1e-5)

    check(fitted.predict(pairs))
    check([fitted.predict(pair) for pair in pairs[:3]] + fitted.predict(pairs[3:]))
    right = float((choices == rows[:, 0]).mean())
    assert fitted.evaluate((pairs, rows)).choice_accuracy == right
    made = tl.export(fitted, tmp_path / "model", (pairs, rows))
    assert made.checked.keras_score == made.checked.exported_score == right
    check(tl.edge.Runner(tmp_path / "model").predict(list(pairs)))
    for served in (fitted, tmp_path / "model"):
        with TestClient(tl.serving.app(served)) as client:
            check(_served(client, pairs))


def _served(client, pairs):
    """The choices and differences that a server answers."""
    shape = list(pairs[:, 0].shape)
    inputs = [
        {"name": name, "shape": shape, "datatype": "FP32", "data": side.ravel().tolist()}
        for name, side in (("left", pairs[:, 0]), ("right", pairs[:, 1]))
    ]
    answer = client.post("/v2/models/model/infer", json={"inputs": inputs}).json()
    outputs = answer["outputs"]
    data = {output["name"]: np.reshape(output["data"], output["shape"]) for output in outputs}
    return several.AnswerReader().read(data, [])


def test_it_is_monitored_and_options_that_nobody_takes_are_refused(backbone):
    fitted = builder(backbone, freeze="all").fit(several.data(), epochs=1, verbose=0)
    pairs, _ = several.data(80, seed=3)
    measured = measure(fitted, fitted.kind.unlabelled(pairs))
    numbers = [[float(row[2])] for row in measured.values]
    np.testing.assert_allclose(numbers, [[d] for _, d in fitted.predict(pairs)], atol=1e-6)
    with pytest.raises(TypeError, match="A model of answers takes no beams in predict"):
        fitted.predict(pairs, beams=3)


class PairClassifier(several.PairBuilder):
    """Two inputs, and an ordinary task."""

    @property
    def task(self):
        return tl.tasks.Classification()


def test_two_inputs_go_with_an_ordinary_task(backbone, tmp_path):
    pairs, rows = several.data(64)
    labels = np.array(["left", "right"])[rows[:, 0].astype(int)]
    classifier = PairClassifier(backbone, head=tl.heads.PooledDense(), seed=0)
    fitted = classifier.fit((pairs, labels), schedule="probe", verbose=0)
    assert fitted.phases[0].solved is not None
    assert fitted.evaluate((pairs, labels)).accuracy > 0.7
    found = [fitted.predict(pair).class_name for pair in pairs[:8]]
    assert found == [p.class_name for p in fitted.predict(pairs)][:8]
    fitted.save(tmp_path / "saved")
    assert tl.load(tmp_path / "saved").predict(pairs[0]).class_name == found[0]
