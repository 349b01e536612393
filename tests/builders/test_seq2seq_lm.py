"""Encoder-decoders: what is learnt and stored, what they write, and how good that is."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import language, translations
from tests.translations import BEGIN, pairs
from transferlearn.cli import main
from transferlearn.generating.reading import Anew
from transferlearn.tasks.writing.answering import Writes
from transferlearn.tasks.writing.figures import WritingScoring, packed

WORDS = [("one", "eins"), ("two", "zwei"), ("three", "drei"), ("four", "vier"), ("five", "fünf")]


@pytest.fixture(scope="module")
def backbone():
    return translations.backbone()


@pytest.fixture(scope="module")
def fitted(backbone):
    """A model that has learnt five words by heart."""
    made = builder(backbone, batch_size=5, freeze="none")
    return made.fit(WORDS, epochs=60, validation_split=0, verbose=0)


def builder(backbone, **settings):
    return tl.Seq2SeqLMBuilder(backbone, **{"learning_rate": 1e-2, "seed": 0, **settings})


def test_few_pairs_are_read_more_often_and_narrow_networks_learn_at_a_higher_rate(backbone):
    plan = tl.Seq2SeqLMBuilder.auto
    counts = (60, 200, 400, 5000, None)
    assert [plan.default_epochs(count) for count in counts] == [40, 40, 20, 10, 10]
    for given, wanted in ((None, 1e-4 * 768 / 32), (2e-3, 2e-3)):
        model = tl.Seq2SeqLMBuilder(backbone, learning_rate=given).build()
        assert float(model.optimizer.learning_rate) == pytest.approx(wanted)


def ids_of(texts):
    rows = [[*text.encode(), 1] for text in texts]
    found = np.zeros((len(rows), max(map(len, rows))), "int32")
    for place, row in zip(found, rows, strict=True):
        place[: len(row)] = row
    return found


def nats(model, text, right):
    """How unlikely each byte of the right text is, with the token that ends it."""
    ids = [*right.encode(), 1]
    read = np.array([[BEGIN, *ids[:-1]]], "int32")
    logits = keras.ops.convert_to_numpy(model([ids_of([text]), read], training=False))[0]
    logits = logits.astype(float) - np.log(np.exp(logits.astype(float)).sum(-1, keepdims=True))
    return -logits[np.arange(len(ids)), ids]


def likeliest(model, text, count):
    """Writes greedily, by whole passes."""
    written = [BEGIN]
    for _ in range(count):
        read = np.array([written], "int32")
        logits = keras.ops.convert_to_numpy(model([ids_of([text]), read], training=False))
        written.append(int(logits[0, -1].argmax()))
        if written[-1] == 1:
            break
    return language.Letters().text([i for i in written[1:] if i != 1]).strip()


def test_it_learns_and_writes_what_whole_passes_write(fitted):
    assert [one.text for one in fitted.predict([a for a, _ in WORDS])] == [b for _, b in WORDS]
    others = ["one two", "seven", "o"]
    expected = [likeliest(fitted.model, text, 40) for text in others]
    found = fitted.predict(others, max_new_tokens=40)
    assert [one.text for one in found] == expected
    assert [fitted.predict(text, max_new_tokens=40).text for text in others] == expected
    assert fitted.predict("three", stop="ei").text == "dr"
    drawn = [
        fitted.predict("ten", temperature=3.0, seed=s, max_new_tokens=8).text for s in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    with pytest.raises(TypeError, match="beans"):
        fitted.predict("one", beans=2)


def test_beams_are_those_of_whole_passes(backbone):
    writes, greedy = (
        Writes(backbone.model, backbone.writer, tl.edge.Sampling(max_new_tokens=12, num_beams=n))
        for n in (3, 1)
    )
    x = ids_of(["one two", "seven", "o"])
    anew = Anew(backbone.model, 1).begin(x)
    expected = [one.text for one in writes.writer.wrote(anew, 3)]
    assert writes.texts(x) == expected != greedy.texts(x)
    assert [writes.texts(x[i : i + 1])[0] for i in range(3)] == expected


@pytest.mark.full
def test_beams_are_those_of_transformers(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    theirs = translations.hugging_face(tmp_path)
    made = tl.Seq2SeqLMBuilder(f"keras_hub:{tmp_path}", freeze="none", learning_rate=1e-9, seed=0)
    fitted = made.fit(WORDS, epochs=1, validation_split=0, verbose=0)
    texts = ["one two", "seven", "o", "hello my friend", "zzz", "twenty four"]
    writer = fitted.encoding.known
    for beams in (1, 2, 5):
        found = fitted.predict(texts, num_beams=beams, max_new_tokens=20)
        for text, one in zip(texts, found, strict=True):
            (ids,) = fitted.kind.tokenizer.tokenize([text])
            wrote = theirs.generate(
                input_ids=torch.tensor([[0, *ids.tolist(), 2]]),
                decoder_input_ids=torch.tensor([writer.begin]),
                num_beams=beams,
                max_new_tokens=20,
                do_sample=False,
            )
            assert one.text == writer.text(wrote[0].tolist()[len(writer.begin) :]).strip()


def test_figures_are_those_of_each_token(fitted):
    test = [*WORDS[:2], ("three", "nein"), ("six", "sechs")]
    scores = fitted.evaluate(test)
    expected = np.concatenate([nats(fitted.model, *pair) for pair in test])
    np.testing.assert_allclose(scores.perplexity, np.exp(expected.mean()), rtol=1e-4)
    assert scores.exact == 0.5
    assert scores.texts[:3] == ("eins", "zwei", "drei")
    assert 1 / scores.token_probability == pytest.approx(scores.perplexity)
    low, high = scores.intervals["exact"]
    assert low < 0.5 < high


def test_bleu_and_chrf_are_those_of_sacrebleu():
    metrics = pytest.importorskip("sacrebleu.metrics")
    right = ["the cat sat on the mat today", "a dog ran far away from here", "yes it is so"]
    wrote = (["the cat sat on a mat today", "dogs ran far away from here", "no"], right)
    scoring = WritingScoring(vocabulary=9, spoken=False)
    first, second = (
        scoring.measure(packed(texts, np.ones(3), np.full(3, 5)), np.array(right, object))
        for texts in wrote
    )
    for name, metric in (("bleu", metrics.BLEU()), ("chrf", metrics.CHRF())):
        expected = metric.corpus_score(wrote[0], [right]).score
        assert first[name] == pytest.approx(expected)
        assert 0 < expected < 100
        assert first.signatures[name] == str(metric.get_signature()) in str(first)
        low, high = first.intervals[name]
        assert low < expected < high
        test = scoring.compare(first, second).others[name]
        assert test.difference == pytest.approx(100 - expected)
        assert test.interval[0] >= 0
    assert first.to_dict()["signatures"] == first.signatures
    chinese = scoring.measure(
        packed(["今天很好"], np.ones(1), np.ones(1)), np.array(["今天不好"], object)
    )
    assert "tok:char" in chinese.signatures["bleu"]


def test_rouge_is_that_of_its_package():
    scorer = pytest.importorskip("rouge_score.rouge_scorer")
    names = ["rouge1", "rouge2", "rougeL"]
    right = ["The cat sat on the mat today.", "A dog ran far away from here"]
    wrote = ["The cat is on a mat", "from here a dog ran"]
    scoring = WritingScoring(vocabulary=9, spoken=False)
    values = packed(wrote, np.ones(2), np.full(2, 5))
    found = scoring.measure(values, np.array(right, object))
    each = [scorer.RougeScorer(names).score(*pair) for pair in zip(right, wrote, strict=True)]
    for name in names:
        assert found[name] == pytest.approx(np.mean([one[name].fmeasure for one in each]))
    assert "rouge: rouge_score" in str(found)
    perfect = scoring.measure(packed(right, np.ones(2), np.ones(2)), np.array(right, object))
    test = scoring.compare(found, perfect).others["rougeL"]
    assert test.difference == pytest.approx(1 - found.rougeL)
    assert scoring.compare(found, perfect).others["exact"].difference == 1
    # The package's own words would leave all of this out.
    russian = ["Кошка сидит дома", "今天很好"]
    scores = scoring.measure(
        packed(["кошка дома", "今天不好"], np.ones(2), np.ones(2)), np.array(russian, object)
    )
    assert scores.rouge1 == pytest.approx((0.8 + 0.75) / 2)


def test_the_pretrained_network_stands_beside(fitted, backbone):
    test = [*WORDS[:3], ("six", "sechs")]
    scores = fitted.evaluate(test)
    before = np.concatenate([nats(backbone.model, *pair) for pair in test])
    np.testing.assert_allclose(scores.pretrained_perplexity, np.exp(before.mean()), rtol=1e-4)
    assert scores.pretrained_exact == 0 < scores.exact
    assert scores.unchanged.texts[0].startswith(likeliest(backbone.model, "one", 40))


def test_without_sacrebleu_the_other_figures_stand(monkeypatch):
    for module in ("sacrebleu.metrics", "rouge_score.rouge_scorer"):
        monkeypatch.setitem(sys.modules, module, None)
    values = packed(["one"], np.ones(1), np.ones(1))
    with pytest.warns(tl.data.DataWarning, match=r"sacrebleu: pip install .*translate"):
        found = WritingScoring(9, False).measure(values, np.array(["one"], object))
    assert found.exact == 1
    assert "bleu" not in found
    assert not found.remark()


def test_the_frozen_encoder_is_stored_and_training_is_the_same(backbone):
    stored, live = (
        builder(backbone, learning_rate=1e-3).fit(
            pairs(32), epochs=2, validation_split=0, cache=cache, verbose=0
        )
        for cache in (True, False)
    )
    for one, other in zip(stored.model.weights, live.model.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    assert "transformer_encoder_layer_0" in str(stored.phases[-1].stored)
    for layer in backbone.model.layers:
        same = all(
            np.array_equal(old, now)
            for old, now in zip(
                layer.get_weights(), stored.model.get_layer(layer.name).get_weights(), strict=True
            )
        )
        is_frozen = "encoder" in layer.name or layer.name == "token_embedding"
        assert same == (is_frozen or not layer.weights), layer.name


def test_what_is_read_and_learnt(backbone):
    data = tl.data.load([("é", "ab"), ("two", "c")], builder(backbone).kind, tl.data.Written())
    encode = tl.data.WrittenTokens(backbone.writer, 8)
    (((x, read), y),) = list(data.batches(batch_size=2, encode=encode))
    np.testing.assert_array_equal(x[:, :4], [[195, 169, 1, 0], [*b"two", 1]])
    np.testing.assert_array_equal(read[:, :4], [[2, 97, 98, 2], [2, 99, 2, 2]])
    np.testing.assert_array_equal(y[:, :4], [[97, 98, 1, -1], [99, 1, -1, -1]])
    assert tl.data.WrittenTokens(backbone.writer, 3).cut(["ab", "abc"]) == 1
    two = tl.data.Writer(tokenizer=language.Letters(), begin=(2, 0), end=1)
    encoded = tl.data.WrittenTokens(two, 5)(np.array(["ab", "abcdef"], object))
    np.testing.assert_array_equal(encoded.inputs[0], [[2, 0, 97, 98, 2], [2, 0, 97, 98, 99]])
    np.testing.assert_array_equal(encoded.targets, [[-1, 97, 98, 1, -1], [-1, 97, 98, 99, 100]])


def test_a_prefix_is_read_before_each_text(backbone, tmp_path):
    made = builder(backbone, prefix="to German: ")
    data = tl.data.load(WORDS[:1], made.kind, tl.data.Written())
    ((x, _), _), *_ = data.batches(batch_size=1, encode=tl.data.WrittenTokens(backbone.writer, 8))
    assert bytes(x[0, :14].tolist()) == b"to German: one"
    assert data.texts == ["one"]
    fitted = made.fit(WORDS, epochs=1, validation_split=0, verbose=0)
    fitted.save(tmp_path / "model")
    again = tl.load(tmp_path / "model")
    assert again.kind.prefix == "to German: "
    x = ids_of(["to German: one"])
    expected = fitted.answerer(max_new_tokens=9).texts(x)
    for model in (fitted, again):
        assert [model.predict("one", max_new_tokens=9).text] == expected
    read = again.kind.reader_in_keras().read(["one"]).arrays["token_ids"]
    np.testing.assert_array_equal(read[:, : x.shape[1]], x)


def test_save_answers_alike(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    again = tl.load(tmp_path / "model")
    assert again.predict("one two").text == fitted.predict("one two").text
    with pytest.warns(tl.data.DataWarning, match=r"pretrained network .* cannot be loaded here"):
        scores = again.evaluate(pairs(8))  # it was a model, and no name
    assert scores.figures.items() < fitted.evaluate(pairs(8)).figures.items()
    again.save(tmp_path / "again")


@pytest.mark.full
def test_save_needs_keras_hub_only(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    code = f"""
import keras, keras_hub, sys, numpy as np
model = keras.models.load_model({str(tmp_path / "model" / "model.keras")!r})
assert "transferlearn" not in sys.modules
np.save({str(tmp_path / "logits.npy")!r}, model([np.full((1, 5), 99), np.full((1, 3), 98)]))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    expected = fitted.model([np.full((1, 5), 99), np.full((1, 3), 98)])
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-5)


@pytest.mark.full
def test_a_run_that_is_killed_goes_on(backbone):
    tl.testing.check_resume(builder(backbone), pairs(24), epochs=2, validation_split=0.25)


@pytest.mark.full
def test_build_is_plain_keras(backbone):
    model = builder(backbone).build()
    x = [ids_of(["one", "two"]), np.array([[2, 97, 98], [2, 99, 0]])]
    y = np.array([[97, 98, 1], [99, 1, -1]])
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_sources(backbone, tmp_path):
    kind = builder(backbone).kind
    plain, table, comma, lines = (
        tmp_path / name for name in ("plain.tsv", "table.tsv", "table.csv", "pairs.jsonl")
    )
    plain.write_text('one\teins\ntwo "2"\tzwei\tfrom a book\n')
    table.write_text('source\ttarget\none\teins\n"two ""2"""\tzwei\n')
    comma.write_text('id,text,summary\n1,one,eins\n2,"two ""2""",zwei\n')
    lines.write_text(
        '{"source": "one", "target": "eins"}\n'
        '{"translation": {"en": "two \\"2\\"", "de": "zwei"}}\n'
    )
    listed = [("one", "eins"), ('two "2"', "zwei")]
    with pytest.warns(tl.data.DataWarning, match="first line is a pair"):
        found = [tl.data.load(plain, kind, tl.data.Written())]
    for source in (table, comma, lines, listed, tuple(zip(*listed, strict=True))):
        given = tuple(map(list, source)) if isinstance(source, tuple) else source
        found.append(tl.data.load(given, kind, tl.data.Written()))
    for data in found:
        assert list(zip(data.texts, data.targets.texts, strict=True)) == listed


def test_bad_input(backbone, tmp_path):
    kind = builder(backbone).kind
    lines = tmp_path / "bad.jsonl"
    lines.write_text(
        '{"source": "one", "target": "eins"}\n{"source" 3}\n{"source": "two"}\n'
        '{"source": "two", "target": " "}\n'
    )
    said = r"line 2: no JSON(.|\n)*line 3: no pair(.|\n)*line 4: the text to write is empty"
    with pytest.warns(tl.data.DataWarning, match=said):
        data = tl.data.load(lines, kind, tl.data.Written())
    assert data.texts == ["one"]
    with pytest.warns(tl.data.DataWarning, match=r"text 0: empty"):
        tl.data.load([("", "eins"), ("two", "zwei")], kind, tl.data.Written())
    folder = tmp_path / "folder"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "b.txt").write_text("one")
    with pytest.raises(ValueError, match="Pass pairs, a table"):
        tl.data.load(folder, kind, tl.data.Written())
    with pytest.warns(tl.data.DataWarning, match=r"different texts(.|\n)*'eins'.*'two'"):
        builder(backbone).load([("one", "eins"), ("one", "two"), ("two", "zwei")])
    with pytest.raises(TypeError, match="from_seq2seq"):
        builder(language.backbone()).build()
    with pytest.raises(ValueError, match="An encoder-decoder takes"):
        tl.backbones.from_seq2seq(language.gpt2(), language.Letters(), begin=(2,))
    with pytest.raises(ValueError, match="leave head out"):
        builder(backbone, head=tl.heads.PooledDense())


@pytest.mark.full
def test_command_line(tmp_path, capsys):
    folder = translations.folder_of(tmp_path / "bart")
    table = tmp_path / "pairs.tsv"
    table.write_text("source\ttarget\n" + "".join(f"{a}\t{b}\n" for a, b in pairs(12)))
    model = str(tmp_path / "model")
    train = ["train", str(table), "--task", "translate", "--output", model, "--epochs", "1"]
    assert main(train) == 1
    assert "--backbone keras_hub:bart_base_en" in capsys.readouterr().err
    assert main([*train, "--backbone", f"keras_hub:{folder}", "--seed", "0"]) == 0
    assert "transferlearn predict" in capsys.readouterr().out
    assert main(["predict", model, "one", "two", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = tl.load(model).predict(["one", "two"])
    assert [one["source"] for one in found] == ["one", "two"]
    assert [one["text"] for one in found] == [one.text for one in expected]
    beams = ["--num-beams", "3", "--max-new-tokens", "9"]
    assert main(["predict", model, "one", "--json", *beams]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["text"] == tl.load(model).predict("one", num_beams=3, max_new_tokens=9).text
    assert main([*train, "--backbone", f"keras_hub:{folder}", "--num-beams", "2", "--force"]) == 0
    assert tl.load(model).encoding.sampling == tl.edge.Sampling(max_new_tokens=128, num_beams=2)
    capsys.readouterr()
    assert main(["evaluate", model, str(table), "--json"]) == 0
    assert "exact" in json.loads(capsys.readouterr().out)["figures"]
