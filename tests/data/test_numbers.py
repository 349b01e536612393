"""Numbers to learn, from every source."""

import contextlib
import warnings

import numpy as np
import pytest

from tests.networks import pixels
from transferlearn import data
from transferlearn.data.dataset import Request
from transferlearn.data.loading import Reading
from transferlearn.data.targets import NumberRows
from transferlearn.data.targets.doubts import doubt_numbers

pandas = pytest.importorskip("pandas")
X = pixels(6, 16)
READING = Reading(target=data.Numbers())
Y = np.array([1.5, 2.0, -3.0, 1e6, 0.25, 7.0])


def load(source, names=None, **options):
    return data.load(source, data.Images(), data.Numbers(names), **options)


def table(tmp_path, **columns):
    from PIL import Image

    for i, image in enumerate(X):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    frame = pandas.DataFrame({"path": [f"{i}.png" for i in range(len(X))], **columns})
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def batches(dataset, **options):
    return list(dataset.requested(Request(4, NumberRows(), **options)))


@pytest.mark.parametrize("y", [Y, Y[:, None], Y.tolist(), [str(value) for value in Y]], ids=type)
def test_arrays_and_lists_of_numbers_agree(y):
    dataset = load((X, y))
    np.testing.assert_array_equal(dataset.targets.all, Y[:, None])
    assert dataset.targets.names == ("number",)
    values = np.concatenate([np.asarray(batch[1]) for batch in batches(dataset)])
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, Y[:, None].astype("float32"))


def test_a_table_s_usual_column_is_found_and_others_by_name(tmp_path):
    path = table(tmp_path, price=Y, Width=Y * 2, target=Y * 3)
    assert load(path).targets.names == ("target",)
    np.testing.assert_array_equal(load(path).targets.all[:, 0], Y * 3)
    two = load(path, ["Width", "price"]).targets
    assert two.names == ("Width", "price")
    np.testing.assert_array_equal(two.all, np.stack([Y * 2, Y], axis=1))
    frame = pandas.read_csv(path).assign(path=[str(tmp_path / f"{i}.png") for i in range(6)])
    np.testing.assert_array_equal(load(frame, "price").targets.all[:, 0], Y)


def test_the_only_column_that_is_left_needs_no_name(tmp_path):
    assert load(table(tmp_path, length=Y)).targets.names == ("length",)
    both = table(tmp_path, length=Y, depth=Y)
    with pytest.raises(ValueError, match=r"which column holds the numbers: call it target.*depth"):
        load(both)
    with pytest.raises(ValueError, match="there is none of the name weight"):
        load(both, "weight")


def test_a_target_without_any_number_is_said_once(tmp_path):
    path = table(tmp_path, grade=list("abcabc"))
    with pytest.raises(ValueError, match="No cell of the column 'grade' is a number") as caught:
        load(path, "grade")
    assert str(caught.value).endswith(
        "Received: 'a', 'b', 'c'. To learn classes, take tl.ImageClassifierBuilder or "
        "tl.TextClassifierBuilder."
    )
    for name in ("a", "b"):
        (tmp_path / "folders" / name).mkdir(parents=True)
        (tmp_path / "folders" / name / "0.png").write_bytes((tmp_path / "0.png").read_bytes())
    with pytest.raises(ValueError, match=r"No folder's name is a number.*Received: 'a', 'b'"):
        load(tmp_path / "folders")


@pytest.mark.parametrize(
    ("values", "count"),
    [
        (np.linspace(1, 9, 6), "6"),
        ([1.5, 1.5, 2.5, 2.5, 3.5, 3.5], None),
        ([1, 2, 3, 4, 5, 6], None),  # may be a few items of each of many classes
    ],
)
def test_numbers_that_are_hardly_classes_are_pointed_out(tmp_path, values, count):
    path = table(tmp_path, price=values)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with contextlib.suppress(ValueError):  # each item has a class of its own
            data.load(path, data.Images())
    told = [str(one.message) for one in caught if "different numbers" in str(one.message)]
    if count is None:
        assert told == []
    else:
        assert told[0].startswith(
            f"The column 'price' holds {count} different numbers for 6 images"
        )
        assert told[0].endswith("tl.TextRegressorBuilder with target_names='price'.")


@pytest.mark.parametrize(
    ("values", "doubted"),
    [
        (np.arange(60) % 24, True),
        (np.arange(600) % 24, False),
        (np.arange(60) % 11 / 2, True),
        (np.arange(60) % 10 / 2, False),
        (["007", "bond"] * 30, False),
    ],
)
def test_how_many_numbers_are_hardly_classes(values, doubted):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        doubt_numbers("size", list(map(str, values)), "text")
    assert len(caught) == doubted


@pytest.mark.parametrize("empty", ["", "NA", "nan", None])
def test_missing_numbers_are_named_and_left_out(tmp_path, empty):
    cells = [*map(str, Y[:4]), empty, str(Y[5])]
    with pytest.warns(data.DataWarning, match=r"4\.png.*no price"):
        dataset = load(table(tmp_path, price=cells), "price")
    np.testing.assert_array_equal(dataset.targets.all[:, 0], Y[[0, 1, 2, 3, 5]])
    assert [skipped.reason for skipped in dataset.skipped] == ["no price"]
    assert len(dataset.names) == dataset.size == 5
    with pytest.raises(ValueError, match="no price"):
        load(table(tmp_path, price=cells), "price", on_error="raise")


def test_an_item_that_lacks_one_of_several_numbers_is_left_out():
    y = np.stack([Y, Y], axis=1)
    y[2, 1] = np.nan
    with pytest.warns(data.DataWarning, match=r"image 2: no depth"):
        dataset = load((X, y), ["width", "depth"])
    assert dataset.size == 5
    np.testing.assert_array_equal(dataset.items.start(np.array([2]))()[0], X[3])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            ["1", "2", "12 kg", "4", "5", "6"],
            r"numbers such as 12\.5\. Received:\n  item 2: '12 kg'",
        ),
        ([1, 2, np.inf, 4, 5, 6], "item 2: inf"),
        (["1,5"] * 6, "item 0: '1,5'"),
        (np.zeros((6, 0)), r"shape \(n,\) or \(n, numbers\)"),
        (np.zeros((6, 2, 2)), r"shape \(n,\) or \(n, numbers\)"),
        (np.arange(6) * 1j, "dtype=complex"),
        (np.arange(6).astype("datetime64[D]"), "dtype=datetime64"),
    ],
)
def test_what_is_no_number_is_named(y, message):
    with pytest.raises(ValueError, match=message):
        load((X, y))


def test_names_must_be_as_many_as_numbers_and_differ():
    with pytest.raises(ValueError, match="Each item has 1 numbers, and there are 2 names"):
        load((X, Y), ["width", "depth"])
    with pytest.raises(ValueError, match="must differ"):
        data.Numbers(["width", "width"])
    with pytest.raises(ValueError, match="must differ"):
        data.Numbers([])


def test_folders_may_be_called_by_their_number(tmp_path):
    from PIL import Image

    for i, image in enumerate(X):
        (tmp_path / str(Y[i])).mkdir()
        Image.fromarray(image).save(tmp_path / str(Y[i]) / "a.png")
    found = load(tmp_path)
    assert sorted(found.targets.all[:, 0]) == sorted(Y)
    (tmp_path / "cats").mkdir()
    Image.fromarray(X[0]).save(tmp_path / "cats" / "b.png")
    with pytest.raises(ValueError, match=r"folder of .*b\.png: .*'cats'"):
        load(tmp_path)


def test_numbers_that_are_all_the_same_are_refused():
    reading = data.Reading(data.Images(), data.Numbers("price"))
    with pytest.raises(ValueError, match="nothing to learn of price: it is the same for all of 6"):
        data.load_pair((X, np.ones(6)), reading=reading, validation_split=0)
    with pytest.warns(data.DataWarning, match="float32 tells few numbers apart. Subtract 1e\\+09"):
        data.load_pair((X, 1e9 + Y / 1e6), reading=reading, validation_split=0)


def test_train_and_validation_must_have_as_many_numbers():
    reading = data.Reading(data.Images(), data.Numbers())
    with pytest.raises(ValueError, match="Train has number, and validation number 0, number 1"):
        data.load_pair((X, Y), (X[:3], np.ones((3, 2))), reading)


def stream(y, batch=None):
    tf = pytest.importorskip("tensorflow")
    made = tf.data.Dataset.from_tensor_slices((X, y))
    return made.batch(batch) if batch else made


@pytest.mark.parametrize("batch", [None, 2, 4])
def test_a_stream_s_items_without_a_number_are_left_out(batch):
    y = Y.copy()
    y[1] = np.nan
    dataset = load(stream(y, batch))
    found = batches(dataset)
    images = np.concatenate([np.asarray(x) for x, _ in found])
    np.testing.assert_array_equal(images, np.delete(X, 1, axis=0))
    values = np.concatenate([np.asarray(part) for _, part in found])
    np.testing.assert_array_equal(values[:, 0], np.delete(Y, 1).astype("float32"))
    with pytest.warns(data.DataWarning, match=r"1 of 6 items have no number.*\n  item 1"):
        np.testing.assert_array_equal(dataset.targets.all[:, 0], np.delete(Y, 1))


def test_a_stream_s_weights_go_with_its_items():
    tf = pytest.importorskip("tensorflow")
    y, weights = Y.copy(), np.arange(6, dtype="float32")
    y[4] = np.nan
    source = tf.data.Dataset.from_tensor_slices((X, y, weights)).batch(3)
    found = np.concatenate([np.asarray(batch[2]) for batch in batches(load(source))])
    np.testing.assert_array_equal(found, [0, 1, 2, 3, 5])


def test_generators_of_numbers():
    legacy = pytest.importorskip("tensorflow.keras.preprocessing.image")
    flow = legacy.ImageDataGenerator().flow(X.astype("float32"), Y, batch_size=4, shuffle=False)
    found = np.concatenate([np.asarray(y) for _, y in batches(load(flow))])
    np.testing.assert_array_equal(found[:, 0], Y.astype("float32"))
    missing = Y.copy()
    missing[3] = np.nan
    flow = legacy.ImageDataGenerator().flow(X.astype("float32"), missing, batch_size=4)
    with pytest.raises(ValueError, match="1 item without a number, the first at 3"):
        load(flow)


def test_texts_of_numbers():
    kind = data.Texts(data.Characters(), sequence_length=16)
    texts, stars = ["good", "fair", "bad"], [5, None, 1.5]
    with pytest.warns(data.DataWarning, match="text 1: no stars"):
        dataset = data.load((texts, stars), kind, data.Numbers("stars"))
    np.testing.assert_array_equal(dataset.targets.all, [[5.0], [1.5]])


def test_case_tells_columns_apart_where_it_must(tmp_path):
    path = table(tmp_path, price=Y, Price=Y * 2)
    np.testing.assert_array_equal(load(path, "price").targets.all[:, 0], Y)
    np.testing.assert_array_equal(load(path, ["price", "Price"]).targets.all[:, 1], Y * 2)
    with pytest.raises(ValueError, match="none of the name PRICE"):
        load(path, "PRICE")
    with pytest.raises(ValueError, match="named twice"):
        load(table(tmp_path, price=Y), ["price", "Price"])


@pytest.mark.parametrize("factor", [1e300, 1e39, 1e-45, 1e-200])
def test_numbers_that_float32_does_not_hold_are_refused(factor):
    with pytest.raises(ValueError, match="float32 does not hold"):
        data.load_pair((X, Y * factor), reading=READING, validation_split=0)


def test_a_split_that_leaves_nothing_to_learn_is_refused():
    with pytest.raises(ValueError, match=r"same for all of 1 images.*validation_split=0"):
        data.load_pair((X[:2], [0, 1]), reading=READING, validation_split=0.5)


def test_a_folder_of_photos_without_numbers_is_named(tmp_path):
    table(tmp_path, price=Y)
    with pytest.raises(ValueError, match="no folders that are called by a number"):
        load(tmp_path)


def test_a_batch_without_any_number_is_named():
    import tensorflow as tf

    rows = np.stack([Y, Y], axis=1)
    both = load(tf.data.Dataset.from_tensor_slices((X, rows)), ["a", "b"])  # one item at a time
    np.testing.assert_array_equal(both.targets.all, rows)
    lost = load(tf.data.Dataset.from_tensor_slices((X, [np.nan] * 4 + [1.0, 2.0])).batch(4))
    with pytest.raises(Exception, match="No item of a batch has what is to be learnt"):
        list(lost.requested(Request(4, NumberRows())).as_numpy_iterator())
