import json
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pandas
import pytest

import transferlearn as tl
from tests import texts
from transferlearn import freezing
from transferlearn.backbones import from_encoder
from transferlearn.backbones.graph import of_any_length
from transferlearn.backbones.keras_hub import HubTokenizer
from transferlearn.data.dataset import Request
from transferlearn.features.extraction import FeatureModel
from transferlearn.features.items import FeatureItems
from transferlearn.tasks.classification.encoding import class_weights

pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def backbone():
    return from_encoder(texts.encoder(), HubTokenizer(texts.tokenizer()), name="small")


@pytest.fixture
def builder(backbone):
    return tl.TextClassifierBuilder(backbone, sequence_length=32, seed=0, batch_size=16)


@pytest.fixture(scope="module")
def fitted(backbone):
    builder = tl.TextClassifierBuilder(backbone, sequence_length=32, seed=0)
    return builder.fit(texts.reviews(160), schedule="probe", verbose=0)


def weights_of(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def test_a_solved_head_tells_texts_apart_and_predict_takes_strings(fitted):
    given, labels = texts.reviews(100, seed=1)
    assert fitted.evaluate((given, labels)).accuracy > 0.8
    found = fitted.predict(given)
    assert np.mean([p.class_name == label for p, label in zip(found, labels, strict=True)]) > 0.8
    one = fitted.predict(given[0])
    assert one.class_name == found[0].class_name
    assert one.probability == pytest.approx(found[0].probability, abs=1e-5)


def test_padding_makes_no_difference(backbone):
    ids = np.array([[2, 5, 11, 3]], "int32")
    features, padded = (
        np.asarray(backbone.model(given, training=False))
        for given in (ids, np.pad(ids, [(0, 0), (0, 20)]))
    )
    np.testing.assert_allclose(features, padded, atol=1e-5)
    assert np.ptp(features) > 0.5


@pytest.mark.full
@pytest.mark.parametrize("pooling", ["pooled", pytest.param("first", marks=pytest.mark.full)])
def test_pooling_is_what_the_encoder_gives(pooling):
    encoder, tokenizer = texts.encoder(), texts.tokenizer()
    backbone = from_encoder(encoder, HubTokenizer(tokenizer), pooling=pooling)
    ids = np.array([[2, 5, 11, 7, 3, 0, 0], [2, 8, 3, 0, 0, 0, 0]], "int32")
    mask = (ids != 0).astype("int32")
    given = encoder(
        {"token_ids": ids, "padding_mask": mask, "segment_ids": np.zeros_like(ids)}, training=False
    )
    sequence = np.asarray(given["sequence_output"])
    expected = {
        "mean": (sequence * mask[..., None]).sum(1) / mask.sum(1, keepdims=True),
        "first": sequence[:, 0],
        "pooled": np.asarray(given["pooled_output"]),
    }[pooling]
    np.testing.assert_allclose(backbone.model(ids, training=False), expected, atol=1e-5)


def test_blocks_are_the_embeddings_and_the_layers(backbone):
    names = [block.name for block in backbone.blocks]
    assert names == ["embeddings", *(f"transformer_layer_{i}" for i in range(3))]
    assert sorted(i for b in backbone.blocks for i in b.layers) == [
        *range(len(backbone.model.layers))
    ]


@pytest.mark.parametrize("cache", [True, pytest.param(False, marks=pytest.mark.full)])
def test_frozen_blocks_stay_and_the_others_move(builder, cache):
    from dataclasses import replace

    train = texts.reviews(64)
    job = replace(builder, freeze="transformer_layer_1", learning_rate=1e-3)
    fitted = job.fit(train, epochs=2, cache=cache, verbose=0)
    before = job.build(2)
    for old, new in zip(before.layers, fitted.model.layers, strict=True):
        same = [np.array_equal(a, b) for a, b in zip(weights_of(old), weights_of(new), strict=True)]
        if old.name in ("transformer_layer_2", "predictions"):
            assert not any(same), old.name
        else:
            assert all(same), old.name


def test_stored_features_give_the_same_weights(backbone):
    found = []
    for cache in (True, False):
        builder = tl.TextClassifierBuilder(
            backbone,
            sequence_length=32,
            freeze="transformer_layer_1",
            head=tl.heads.PooledDense(dropout=0.0),
            seed=3,
            batch_size=16,
        )
        options = {"schedule": "one-phase", "epochs": 2, "verbose": 0}
        fitted = builder.fit(texts.reviews(64), cache=cache, **options)
        found.append(fitted.model)
    # Dropout within the trained layer draws from one seed in both.
    for stored, live in zip(found[0].weights, found[1].weights, strict=True):
        np.testing.assert_allclose(stored, live, atol=1e-5)


def test_batches_of_stored_features_are_no_longer_than_their_texts(backbone, monkeypatch):
    read, seen = FeatureItems._read, []

    def spy(self, *arguments):
        tensors = read(self, *arguments)
        seen.append([tensor.shape[1:] for tensor in keras.tree.flatten(tensors)])
        return tensors

    monkeypatch.setattr(FeatureItems, "_read", spy)
    random = np.random.default_rng(0)
    counts = random.integers(1, 15, 64)
    given = [" ".join(["film", "plot"] * n) for n in counts]
    builder = tl.TextClassifierBuilder(
        backbone, sequence_length=32, freeze="transformer_layer_0", seed=3, batch_size=8
    )
    builder.fit((given, counts % 2), epochs=1, cache=True, validation_split=0, verbose=0)
    states = {shapes[-1] for shapes in seen}
    assert {shape[0] for shape in states} == {8, 16, 24, 30}  # rounded up; the longest has 30
    assert len({shape[1] for shape in states}) == 1


def test_a_save_needs_nothing_else(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    expected = fitted.predict("a fine film").probabilities["good"]
    code = (
        "import transferlearn as tl\n"
        f"print('found', tl.load({str(tmp_path / 'saved')!r})"
        ".predict('a fine film').probabilities['good'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False
    )
    assert float(re.search(r"found (\S+)", run.stdout)[1]) == pytest.approx(expected, abs=1e-5)
    described = json.loads((tmp_path / "saved" / "transferlearn.json").read_text("utf-8"))
    names = ("chat_template.json", "class.json", "tokenizer.json", "vocabulary.txt")
    parts = {f"tokenizer/{name}" for name in names}
    assert set(described["files"]) == {"README.md", "model.keras", "reference.json", *parts}


class Lengths(tl.data.Tokenizer):
    """Each word is its length."""

    start = end = ()
    padding = 0
    unknown = None

    def tokenize(self, texts):
        return [np.array([1 + len(word) for word in text.split()], "int32") for text in texts]

    def save(self, folder):
        folder.mkdir()

    @classmethod
    def load(cls, folder):
        return cls()


def test_a_tokenizer_of_one_s_own_is_saved_and_loaded(tmp_path):
    backbone = from_encoder(texts.encoder(), Lengths(), name="small")
    fitted = tl.TextClassifierBuilder(backbone, seed=0).fit(
        texts.reviews(40), schedule="probe", verbose=0
    )
    with pytest.warns(tl.data.DataWarning) as warned:
        found = fitted.predict(["a film", ""])
    assert "NaN or infinity" in str(warned[-1].message)
    assert str(warned[-1].message).endswith("for 1 of 2 items; ignore these predictions:\n  item 1")
    fitted.save(tmp_path / "saved")
    loaded = tl.load(tmp_path / "saved")
    assert isinstance(loaded.kind.tokenizer, Lengths)
    assert loaded.predict("a film").probability == pytest.approx(found[0].probability)
    Lengths.__qualname__ = "Other"
    try:
        with pytest.raises(ValueError, match=r"import the module that has .*Lengths first"):
            tl.load(tmp_path / "saved")
    finally:
        Lengths.__qualname__ = "Lengths"


@pytest.mark.full
def test_half_precision_of_the_frozen_part(backbone):
    cache = tl.Cache(trunk_dtype="float16")
    builder = tl.TextClassifierBuilder(backbone, sequence_length=32, seed=0)
    given = texts.reviews(80, seed=1)
    half, whole = (
        builder.fit(texts.reviews(80), schedule="probe", cache=kind, verbose=0)
        .evaluate(given)
        .accuracy
        for kind in (cache, True)
    )
    assert half == pytest.approx(whole, abs=0.06)


def test_a_changed_vocabulary_is_noticed(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    vocabulary = tmp_path / "saved" / "tokenizer" / "vocabulary.txt"
    vocabulary.write_text(vocabulary.read_text("utf-8").replace("good", "bood"), "utf-8")
    with pytest.raises(ValueError, match=r"vocabulary\.txt is not what was saved"):
        tl.load(tmp_path / "saved")


def test_all_ways_to_give_texts_agree(builder, tmp_path):
    import tensorflow as tf

    given, labels = texts.reviews(40)
    for i, (text, label) in enumerate(zip(given, labels, strict=True)):
        folder = tmp_path / "folder" / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i:02}.txt").write_text(text, "utf-8")
    frame = pandas.DataFrame({"text": given, "label": labels})
    frame.to_csv(tmp_path / "table.csv", index=False)
    frame.to_csv(tmp_path / "table.tsv", index=False, sep="\t")
    ids = np.unique(labels, return_inverse=True)[1]
    dataset = tf.data.Dataset.from_tensor_slices((given, ids))
    sources = [
        (given, labels),
        (np.array(given), np.array(labels)),
        frame,
        tmp_path / "table.csv",
        str(tmp_path / "table.tsv"),
        dataset,
        dataset.batch(7),
        tmp_path / "folder",
    ]
    found = [
        builder.fit(source, schedule="probe", validation_split=0, verbose=0) for source in sources
    ]
    for fitted in found[1:-1]:
        np.testing.assert_allclose(
            fitted.model.layers[-1].weights[0], found[0].model.layers[-1].weights[0], atol=1e-3
        )
    assert found[-1].evaluate((given, labels)).accuracy > 0.9  # in another order


def test_all_ways_to_predict_agree(fitted, tmp_path):
    import tensorflow as tf

    given = texts.reviews(6)[0]
    for i, text in enumerate(given):
        (tmp_path / f"{i}.txt").write_text(text, "utf-8")
    paths = sorted(tmp_path.iterdir())
    dataset = tf.data.Dataset.from_tensor_slices(given)
    sources = [given, tuple(given), np.array(given), pandas.Series(given), tmp_path, paths, dataset]
    found = [fitted.predict(source) for source in (*sources, dataset.batch(4))]
    for predictions in found[1:]:
        for one, other in zip(found[0], predictions, strict=True):
            assert one.probability == pytest.approx(other.probability, abs=1e-5)
    assert [p.path for p in found[4]] == [str(path) for path in paths]
    assert fitted.predict(paths[0]).path == str(paths[0])


def test_long_texts_are_cut_short_and_that_is_said_once(builder):
    given, labels = texts.reviews(40)
    given[3] += " film" * 500
    with pytest.warns(tl.data.DataWarning, match="1 with more than sequence_length=32") as said:
        fitted = builder.fit((given, labels), schedule="probe", verbose=0)
    assert len([w for w in said if w.category is tl.data.DataWarning]) == 1
    with pytest.warns(tl.data.DataWarning, match="cut short"):
        one = fitted.predict(given[3])
    beginning = " ".join(given[3].split()[:30])
    assert one.probability == pytest.approx(fitted.predict(beginning).probability, abs=1e-5)


def test_long_texts_can_be_split_and_averaged(backbone):
    given, labels = texts.reviews(40)
    builder = tl.TextClassifierBuilder(backbone, sequence_length=12, long_texts="split", seed=0)
    fitted = builder.fit((given, labels), schedule="probe", verbose=0)
    long = " ".join(["good film"] * 10 + ["bad plot"] * 5)
    pieces = [" ".join(part) for part in np.array_split(long.split(), 3)]
    expected = np.mean([fitted.predict(p).probabilities["good"] for p in pieces])
    assert fitted.predict(long).probabilities["good"] == pytest.approx(expected, abs=1e-5)
    assert len(fitted.predict([long, "good"])) == 2
    assert fitted.evaluate(([long, "bad"], ["good", "bad"])).count == 2


def test_pieces_of_a_text_are_on_one_side_and_weigh_as_one(backbone):
    kind = tl.data.Texts(tokenizer=backbone.tokenizer, sequence_length=12, long_texts="split")
    given = [f"{text} film" * (1 + i % 4) for i, text in enumerate(texts.reviews(40)[0])]
    train, validation = tl.data.load_pair(
        (given, [0, 1] * 20), reading=tl.data.Reading(kind), validation_split=0.2
    )
    assert not set(train.source_of) & set(validation.source_of)
    sums = np.bincount(train.source_of, weights=train.sample_weight)
    np.testing.assert_allclose(sums[np.unique(train.source_of)], 1, atol=1e-6)
    assert train.size > len(np.unique(train.source_of))


@pytest.mark.parametrize(
    ("given", "labels", "message"),
    [
        (["good", None, "bad", "", "fine", "poor"], list("abcabc"), "text 1: no string, but None"),
        (["good", None, "bad", "", "fine", "poor"], list("abcabc"), "text 3: empty"),
        (["good", 3.5, "bad", "fine", "poor", "x"], list("abcabc"), "text 1: no string, but 3.5"),
    ],
)
def test_what_is_no_text_is_named(builder, given, labels, message):
    with pytest.warns(tl.data.DataWarning, match=message):
        builder.fit((given, labels), schedule="probe", validation_split=0, verbose=0)
    from dataclasses import replace

    with pytest.raises(ValueError, match=message):
        replace(builder, on_error="raise").fit((given, labels), schedule="probe", verbose=0)


def test_files_in_another_encoding_are_named(builder, tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for i in range(4):
            (tmp_path / label / f"{i}.txt").write_text(f"{label} good film", "utf-8")
    (tmp_path / "a" / "odd.txt").write_bytes("café".encode("latin-1"))
    with pytest.warns(tl.data.DataWarning, match=r"odd\.txt: not UTF-8 \(byte 0xe9 at place 3\)"):
        fitted = builder.fit(tmp_path, schedule="probe", validation_split=0, verbose=0)
    with pytest.raises(ValueError, match="not UTF-8"):
        fitted.predict(tmp_path / "a" / "odd.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(ValueError, match="no file, but a folder, a pipe or a device"):
        fitted.predict(tmp_path / "pipe.txt")
    with pytest.warns(tl.data.DataWarning, match="skipped 2 of 10 files"):
        assert len(fitted.predict(tmp_path)) == 8


def test_other_scripts_are_pointed_out(fitted):
    with pytest.warns(tl.data.DataWarning, match="1 of 2 texts are mostly of characters that the"):
        fitted.predict(["очень хороший фильм", "a fine film"])


def test_empty_texts_are_answered_in_their_places(fitted):
    with pytest.warns(tl.data.DataWarning, match="Empty, and predicted on all the same:\n  text 1"):
        assert len(fitted.predict(["good", " ", "bad"])) == 3


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (["good", None], ValueError, "text 1: no string, but None"),
        ([], ValueError, "Expected texts"),
        (3, TypeError, "Received: int"),
        (keras.utils.PyDataset, TypeError, "Texts are a string"),
    ],
)
def test_what_cannot_be_predicted_on(fitted, given, error, message):
    with pytest.raises(error, match=message):
        fitted.predict(given)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sequence_length": 4}, "sequence_length is a whole number of at least 8"),
        ({"long_texts": "drop"}, "long_texts is 'truncate' or 'split'"),
        ({"pooling": "max"}, "pooling is one of mean, first, pooled"),
        ({"weights": "imagenet"}, "weights is 'pretrained', or None"),
        ({"on_error": "stop"}, "on_error must be"),
    ],
)
def test_settings_that_cannot_work(backbone, settings, message):
    with pytest.raises(ValueError, match=message):
        tl.TextClassifierBuilder(backbone, **settings)


def test_texts_that_are_longer_than_the_encoder_reads(backbone):
    builder = tl.TextClassifierBuilder(backbone, sequence_length=200)
    given, labels = texts.reviews(20)
    given = [f"{text} {'film ' * (80 + i)}" for i, text in enumerate(given)]
    with pytest.raises(ValueError, match="reads at most 64 tokens"):
        builder.fit((given, labels), verbose=0)


def test_a_rate_without_steps_and_a_table_of_files_are_pointed_out(backbone):
    builder = tl.TextClassifierBuilder(backbone, learning_rate=0.1)
    with pytest.warns(tl.data.DataWarning, match="A solved head takes no steps"):
        builder.fit(texts.reviews(32), schedule="probe", verbose=0)
    frame = pandas.DataFrame({"path": ["a/0.jpg", "b/0.jpg"] * 4, "label": ["a", "b"] * 4})
    with pytest.raises(ValueError, match="lists files in its column path, and texts are expected"):
        builder.fit(frame, verbose=0)


def test_what_is_no_backbone_for_texts():
    with pytest.raises(TypeError, match=r"tl\.backbones\.from_encoder\(model, tokenizer\)"):
        tl.TextClassifierBuilder(texts.encoder()).fit(texts.reviews(8), verbose=0)
    with pytest.raises(TypeError, match=r"is a tl\.data\.Tokenizer\. Received: BertTokenizer"):
        from_encoder(texts.encoder(), texts.tokenizer())


def test_backbones_for_images_are_refused():
    with pytest.raises(ValueError, match="backbone for images"):
        tl.TextClassifierBuilder("ResNet50").fit(texts.reviews(8), verbose=0)


@pytest.mark.full
def test_a_folder_of_kerashub_is_a_backbone(tmp_path):
    folder = texts.folder_of(tmp_path / "preset")
    builder = tl.TextClassifierBuilder(f"keras_hub:{folder}", sequence_length=32, seed=0)
    fitted = builder.fit(texts.reviews(160), schedule="probe", verbose=0)
    assert fitted.evaluate(texts.reviews(100, seed=1)).accuracy > 0.8
    with pytest.raises(ValueError, match="takes no images"):
        tl.ImageClassifierBuilder(f"keras_hub:{folder}").build(2)


def test_a_preset_that_cannot_be_had_says_what_to_do():
    builder = tl.TextClassifierBuilder("keras_hub:no_such_preset")
    with pytest.raises(OSError, match="a folder that KerasHub"):
        builder.fit(texts.reviews(8), verbose=0)


@pytest.mark.full
def test_all_labels_and_the_default_recipe(builder):
    fitted = builder.fit(texts.reviews(120), epochs=3, verbose=0)
    assert len(fitted.phases) >= 1
    assert fitted.evaluate(texts.reviews(100, seed=1)).accuracy > 0.85
    assert tl.diagnose(fitted)


@pytest.mark.full
def test_an_article_s_classic_job(backbone):
    builder = tl.TextClassifierBuilder(
        backbone,
        head=tl.heads.PooledDense(dropout=0.1),
        pooling="pooled",
        freeze="none",
        optimizer="adam",
        learning_rate=1e-5,
        batch_size=32,
    )
    given = texts.reviews(64)[0]
    fitted = builder.fit((given, [f"class {i % 8}" for i in range(64)]), epochs=5, verbose=0)
    assert len(fitted.history.history["loss"]) == 5
    assert fitted.model.output_shape == (None, 8)


def test_depths_are_counted_in_blocks(builder):
    from dataclasses import replace

    job = replace(builder, freeze=freezing.TrainLastBlocks(1))
    fitted = job.fit(texts.reviews(64), epochs=1, verbose=0)
    assert "transformer_layer_1" in fitted.phases[0].frozen_layers
    assert "transformer_layer_2" not in fitted.phases[0].frozen_layers


@pytest.mark.full
def test_estimate_counts_the_pieces_of_texts(backbone):
    builder = tl.TextClassifierBuilder(
        backbone, sequence_length=12, long_texts="split", batch_size=4, seed=0
    )
    given, labels = texts.reviews(80)
    long = [" ".join([text] * (5 + i % 3)) for i, text in enumerate(given)]
    found = tl.estimate(builder, (long, labels))
    kind = tl.data.Texts(tokenizer=backbone.tokenizer, sequence_length=12, long_texts="split")
    pieces = tl.data.load((long, labels), kind).size
    assert found.images == pytest.approx(pieces, rel=0.2)
    assert found.measured < found.images


@pytest.mark.full
def test_estimate_and_search_take_texts(builder):
    train = texts.reviews(60)
    assert tl.estimate(builder, train, epochs=2, schedule="one-phase").seconds > 0
    space = {"learning_rate": [1e-3, 1e-4]}
    found = tl.search(builder, space, train, trials=2, epochs=1, schedule="one-phase")
    assert len(found.trials) == 2


@pytest.mark.full
def test_lora_trains_low_rank_updates_only(backbone, tmp_path):
    from dataclasses import replace

    updates = freezing.TrainLastBlocks(1) | freezing.LowRank(2)
    builder = tl.TextClassifierBuilder(backbone, freeze=updates, learning_rate=0.01, seed=0)
    train = texts.reviews(64)
    fitted = builder.fit(train, epochs=2, cache=True, verbose=0)
    before = replace(builder, freeze="all").build(2)
    (free,) = (x for x in fitted.model.layers if x.name == "transformer_layer_2")
    assert {v.name for v in free.trainable_variables} == {"lora_a", "lora_b"}
    assert len(free.trainable_variables) == 4
    assert all(float(np.abs(v).max()) > 0 for v in free.trainable_variables)
    own = [v for v in free.weights if not v.name.startswith("lora")]
    old = before.get_layer("transformer_layer_2").weights
    assert all(np.array_equal(a, b) for a, b in zip(own, old, strict=True))
    fitted.save(tmp_path / "saved")
    loaded = tl.load(tmp_path / "saved")
    assert loaded.model.count_params() == before.count_params()
    given = texts.reviews(5)[0]
    assert [p.probability for p in loaded.predict(given)] == pytest.approx(
        [p.probability for p in fitted.predict(given)], abs=1e-5
    )
    changed = loaded.model.get_layer("transformer_layer_2").weights
    assert not all(np.array_equal(a, b) for a, b in zip(changed, old, strict=True))


@pytest.mark.full
def test_low_rank_updates_are_trained_by_default(backbone):
    builder = tl.TextClassifierBuilder(backbone, freeze=freezing.LowRank(2), seed=0)
    given, labels = texts.reviews(32)
    labels[::5] = labels[1::5][: len(labels[::5])]  # else a solved head leaves no gradient
    fitted = builder.fit((given, labels), epochs=2, verbose=0)
    updates = [v for v in fitted.model.trainable_variables if v.name == "lora_b"]
    assert len(updates) == 6
    assert all(float(np.abs(v).max()) > 0 for v in updates)


def test_short_rows_go_through_the_frozen_part_unfilled_and_give_the_same(backbone):
    random = np.random.default_rng(0)
    given = [" ".join(["film", "plot"] * n) for n in random.integers(1, 28, 100)]
    kind = tl.data.Texts(tokenizer=backbone.tokenizer, sequence_length=64)
    dataset = tl.data.load((given, np.arange(100) % 2), kind)
    contents = dataset.contents(Request(16))
    token_ids = backbone.model.inputs[0]
    states = backbone.model.get_layer("transformer_layer_2").output
    whole = keras.Model(token_ids, [keras.ops.equal(token_ids, 0), states])
    predictor = FeatureModel(of_any_length(whole), contents.blank)
    seen, filled = [], 0
    for rows, ids in contents.read(np.arange(5, 100), 16):
        seen += [*rows]
        filled += ids.size
        padding, found = predictor(ids, len(rows))
        every, expected = whole.predict_on_batch(dataset.items.start(rows)())
        np.testing.assert_array_equal(padding, every)
        np.testing.assert_allclose(found[~every], expected[~every], atol=1e-5)
    assert sorted(seen) == [*range(5, 100)]
    assert filled < 0.7 * 95 * dataset.longest


def test_batches_hold_rows_of_about_one_length_and_each_row_once(backbone):
    random = np.random.default_rng(0)
    given = [" ".join(["film"] * n) for n in random.integers(1, 60, 300)]
    kind = tl.data.Texts(tokenizer=backbone.tokenizer, sequence_length=64)
    dataset = tl.data.load((given, np.arange(300) % 2), kind)
    batches = dataset.batches(batch_size=16, shuffle=True, seed=0)
    again = dataset.batches(batch_size=16, shuffle=True, seed=0)
    epochs = []
    for epoch in range(2):
        batches.epoch = again.epoch = epoch
        rows = [batches.rows(i) for i in range(len(batches))]
        assert sorted(np.concatenate(rows)) == [*range(300)]
        for i in range(len(batches)):
            x = batches[i][0]
            np.testing.assert_array_equal(x, again[i][0])
            longest = max(len(given[row].split()) + 2 for row in rows[i])
            assert longest <= x.shape[1] < longest + 8 or x.shape[1] == dataset.longest
        epochs.append(np.concatenate(rows))
    assert not np.array_equal(*epochs)
    filled = sum(batches[i][0].size for i in range(len(batches)))
    assert filled < 0.7 * 300 * dataset.longest
    contents = dataset.contents(Request(16, shuffle=True))
    stored = contents.batches(dataset.items, seed=0)
    assert [*stored.rows(3)] == [*dataset.batches(batch_size=16, shuffle=True, seed=0).rows(3)]


def test_balanced_weights_count_texts_and_not_their_pieces(backbone):
    given, labels = texts.reviews(40)
    pairs = zip(given, labels, strict=True)
    long = [("film plot " * 30 if label == "bad" else "") + text for text, label in pairs]
    kind = tl.data.Texts(tokenizer=backbone.tokenizer, sequence_length=12, long_texts="split")
    train, _ = tl.data.load_pair((long, labels), reading=tl.data.Reading(kind), validation_split=0)
    assert class_weights("balanced", train).weights == pytest.approx((1, 1))


def test_pieces_of_a_text_count_once(backbone):
    given, labels = texts.reviews(40)
    builder = tl.TextClassifierBuilder(backbone, sequence_length=12, long_texts="split", seed=0)
    long = [" ".join([text] * 9) for text in given]
    fitted = builder.fit((long, labels), schedule="probe", verbose=0)
    outline = fitted.outline
    assert (outline.train_items, outline.validation_items) == (36, 4)


def test_tables_in_which_a_quotation_mark_is_not_closed_or_the_header_is_missing(
    backbone, tmp_path
):
    kind = tl.data.Texts(tokenizer=backbone.tokenizer, sequence_length=12)
    open_quote = tmp_path / "reviews.tsv"
    open_quote.write_text('text\tlabel\n"a bore\tbad\na film\tgood\n"what" a plot\tbad\n')
    with pytest.raises(
        ValueError, match=r"reviews\.tsv: up to line 4, a cell begins with a quotation mark"
    ):
        tl.data.load_pair(open_quote, reading=tl.data.Reading(kind))
    swallowed = tmp_path / "stray.csv"
    rows = ["a film,good"] * 5
    swallowed.write_text("\n".join(["text,label", *rows, '"odd,bad', *rows, '"odd too",good']))
    with pytest.raises(ValueError, match=r"stray\.csv: up to line 13, a cell begins with"):
        tl.data.load_pair(swallowed, reading=tl.data.Reading(kind))
    no_header = tmp_path / "reviews.csv"
    no_header.write_text("a bore,bad\na film,good\na plot,bad\n")
    with pytest.raises(ValueError, match=r"reviews\.csv has no header.*text,label"):
        tl.data.load_pair(no_header, reading=tl.data.Reading(kind))


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (lambda d: d.batch(4).repeat(), "never ends"),
        (lambda d: d.map(lambda x, y: ({"text": x}, y)), "must hold"),
        (lambda d: d.map(lambda x, y: (y, y)), "must hold"),
    ],
)
def test_streams_that_cannot_be_read(builder, fitted, stream, message):
    import tensorflow as tf

    given, _ = texts.reviews(8)
    dataset = stream(tf.data.Dataset.from_tensor_slices((given, [0, 1] * 4)))
    with pytest.raises(ValueError, match=message):
        builder.fit(dataset, verbose=0)
    with pytest.raises(ValueError, match=message):
        fitted.predict(dataset)


def test_streams_with_columns_and_labels_of_strings(builder, fitted):
    import tensorflow as tf

    given, labels = texts.reviews(20)
    dataset = tf.data.Dataset.from_tensor_slices(([[text] for text in given], labels)).batch(6)
    for stream in (dataset, dataset.unbatch()):
        trained = builder.fit(stream, schedule="probe", verbose=0, validation_split=0)
        assert trained.class_names == ("bad", "good")
        assert len(fitted.predict(stream)) == 20
    latin = tf.data.Dataset.from_tensor_slices(
        ([*given, "café".encode("latin-1")], [*labels, "bad"])
    )
    with pytest.warns(tl.data.DataWarning, match=r"text 20: not UTF-8 \(byte 0xe9 at place 3\)"):
        builder.fit(latin, schedule="probe", verbose=0)
    with pytest.raises(ValueError, match="text 20: not UTF-8"):
        fitted.predict(latin)


def test_half_a_character_and_bytes_that_are_0_are_named(fitted, tmp_path):
    with pytest.raises(ValueError, match="text 1: half a character"):
        fitted.predict(["good", "bad \ud83d"])
    (tmp_path / "wide.txt").write_bytes("good film".encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"wide\.txt cannot be used: not UTF-8"):
        fitted.predict(tmp_path / "wide.txt")
    (tmp_path / "table.csv").write_text("text,label\n")
    with pytest.raises(ValueError, match=r"table\.csv is no text file"):
        fitted.predict(tmp_path / "table.csv")


@pytest.mark.full
def test_features_behind_a_deeper_cut_are_computed_from_stored_ones(backbone, tmp_path):
    def fit(blocks, cache):
        freeze = freezing.TrainLastBlocks(blocks)
        builder = tl.TextClassifierBuilder(backbone, sequence_length=32, seed=0, freeze=freeze)
        options = {"schedule": "one-phase", "epochs": 2, "verbose": 0}
        return builder.fit(texts.reviews(60), cache=cache, **options)

    store = tl.Cache(directory=tmp_path / "earlier")
    fit(2, store)
    from_stored, anew = fit(1, store), fit(1, tl.Cache(directory=tmp_path / "none"))
    assert from_stored.phases[0].stored.computed > 0
    for one, other in zip(weights_of(from_stored.model), weights_of(anew.model), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.full
def test_a_run_that_is_killed_goes_on(builder):
    tl.testing.check_resume(builder, texts.reviews(24), epochs=3, validation_split=0.25)
