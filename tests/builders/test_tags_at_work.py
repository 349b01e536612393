"""Tags of words are served, searched for, compared, watched and diagnosed as all else is."""

from dataclasses import replace

import pytest

import transferlearn as tl
from tests.builders.test_token_classifier import backbone, sentences
from transferlearn.data import DataWarning
from transferlearn.serving import Settings, app


def conll(path, words, tags):
    lines = [
        "".join(f"{word} {tag}\n" for word, tag in zip(*pair, strict=True))
        for pair in zip(words, tags, strict=True)
    ]
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture(scope="module")
def builder():
    return tl.TokenClassifierBuilder(backbone(), sequence_length=32, seed=0)


@pytest.fixture(scope="module")
def probe(builder):
    return builder.fit(sentences(60), schedule="probe", validation_split=0.2, verbose=0)


def test_a_file_with_tags_is_read_for_its_texts(probe, tmp_path):
    words, tags = sentences(30, seed=3)
    file = conll(tmp_path / "test.conll", words, tags)
    found = probe.predict(file)
    assert [[word.text for word in one.words] for one in found] == words
    assert found[1].path == f"{file}, line {len(words[0]) + 2}"
    lines = tmp_path / "few.jsonl"
    lines.write_text('{"text": "anna is in kyiv", "entities": []}\n{"text"\n', "utf-8")
    with pytest.warns(DataWarning, match=r"few\.jsonl, line 2: no text"):
        (one,) = probe.predict(lines)
    assert one.path == f"{lines}, line 1"


def test_a_string_that_is_watched_is_a_file(probe, tmp_path):
    pytest.importorskip("scipy")
    watched = replace(probe, reference=tl.make_reference(probe, sentences(120, seed=8)))
    file = conll(tmp_path / "test.conll", *sentences(30, seed=3))
    words = tl.monitor(watched, str(file))
    assert "30" in str(words).splitlines()[0]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        tl.monitor(watched, str(tmp_path / "nowhere.conll"))


def test_a_solved_head_of_tokens_names_no_weights_of_classes(probe):
    said = str(probe.phases[0].solved)
    assert "tokens" in said
    assert "balanced_accuracy" in said
    assert "class_weight" not in said


def test_a_diagnosis_knows_that_the_loss_is_finite(probe):
    found = str(tl.diagnose(probe, train=sentences(60)))
    assert "not finite" not in found


def test_a_server_answers_with_entities(probe, tmp_path):
    pytest.importorskip("onnxruntime")
    client = pytest.importorskip("starlette.testclient")
    tl.export(probe, tmp_path / "onnx", sentences(8, seed=7), format="onnx")
    runner = tl.edge.Runner(tmp_path / "onnx")
    text = "\U0001f44b Anna is in  KYIV"
    with client.TestClient(app({"names": runner}, settings=Settings())) as server:
        plain = server.post("/predict", content=text, headers={"Content-Type": "text/plain"})
        listed = server.post("/predict", json={"instances": [{"text": text}, {"text": "film"}]})
        described = server.get("/openapi.json").json()["paths"]["/predict"]["post"]
    (found,) = plain.json()["predictions"]
    assert listed.json()["predictions"][0] == found
    expected = runner.predict(text).entities
    assert [(x["start"], x["end"], x["label"]) for x in found["entities"]] == [
        (x.start, x.end, x.label) for x in expected
    ]
    assert [text[x["start"] : x["end"]] for x in found["entities"]][-1:] == ["KYIV"]
    assert "text/plain" in described["requestBody"]["content"]


@pytest.mark.full
def test_tags_are_searched_and_compared(builder, probe):
    pytest.importorskip("optuna")
    space = {"schedule": ["probe"], "batch_size": [16, 32]}
    found = tl.search(builder, space, sentences(40), trials=2, verbose=0)
    assert found.metric == "val_entity_f1"
    assert len(found.trials) == 2
    beside = tl.compare(builder, probe, sentences(60), sentences(40, seed=5))
    scores = [one.evaluation.entity_f1 for one in beside.contenders]
    assert len(scores) > 1
    assert scores[-1] > 0.5
