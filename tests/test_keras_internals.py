"""What of Keras's inside we touch: each test says what breaks where Keras changes it.

`.ci/full` runs this file with the oldest Keras that we support as well as with the newest.
"""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from transferlearn import keras_internals as internals

pytestmark = pytest.mark.core


def chain():
    image = keras.Input((4,), name="image")
    hidden = keras.layers.Dense(3, name="hidden")(image)
    return keras.Model(image, keras.layers.Dense(2, name="last")(keras.ops.tanh(hidden)))


def test_a_graph_can_be_seen():
    """Otherwise no network can be cut, frozen by its blocks or stored."""
    assert internals.is_functional(chain())
    assert not internals.is_functional(keras.layers.Dense(2))


def test_calls_come_in_order():
    """Otherwise a cut would need what has not been computed."""
    called = [node.operation.name for node in internals.nodes(chain()) if not node.is_input]
    assert (called[0], called[-1], len(called)) == ("hidden", "last", 3)


def test_the_calls_tell_what_goes_in_and_out():
    """Otherwise the operations of a network cannot be followed, counted or replayed."""
    model = chain()
    before, after = [node for node in internals.nodes(model) if node.operation.name != "hidden"][1:]
    assert before.output_tensors[0] is after.input_tensors[0]
    assert after.output_tensors[0] is model.output


def test_a_sequential_tells_its_graph():
    """Otherwise a backbone or a head that is a Sequential is one closed operation."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    graph = internals.functional_of(model)
    assert graph is not None
    assert any(node.operation.name == model.layers[0].name for node in internals.nodes(graph))
    assert internals.functional_of(keras.layers.Dense(2)) is None


def test_a_tensor_tells_its_maker():
    """Otherwise the output of a head is not recognised: its activation, its loss."""
    model = chain()
    assert internals.maker(model.output) is model.get_layer("last")


def test_other_operations_run_in_the_place_of_a_model_s_own():
    """Otherwise nothing is spliced: preprocessing, backbone and head stay three models."""
    model, given = chain(), keras.Input((4,))
    names = []

    def called(operation):
        names.append(operation.name)
        return operation

    output = internals.run_through(
        model, [given], called, lambda operation, *args, **kwargs: operation(*args, **kwargs)
    )
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    replayed = keras.Model(given, output).predict(x, verbose=0)
    np.testing.assert_allclose(replayed, model.predict(x, verbose=0), rtol=1e-6)
    assert names[0] == "hidden"


def test_layers_at_any_depth_are_found():
    """Otherwise a frozen layer inside another one would be trained, and dropout overlooked."""
    inner = keras.Sequential([keras.layers.Dense(2), keras.layers.Dropout(0.5)])
    outer = keras.Sequential([keras.Input((4,)), inner])
    found = internals.layers_within(outer)
    assert {outer, inner, *inner.layers} <= set(found)


def test_layers_tell_whether_training_changes_them():
    """Otherwise BatchNorm, Dropout and augmentation would be stored as if they were fixed."""
    assert internals.takes_training(keras.layers.BatchNormalization())
    assert internals.takes_training(keras.layers.Dropout(0.5))
    assert not internals.takes_training(keras.layers.ReLU())


def test_layers_tell_whether_they_draw_numbers():
    """Otherwise a layer that draws numbers would be stored as if it gave the same each time."""

    class Noise(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.generator = keras.random.SeedGenerator(0)

        def call(self, x):
            return x + keras.random.normal(keras.ops.shape(x), seed=self.generator)

    assert internals.draws_numbers(Noise())
    assert not internals.draws_numbers(keras.layers.Dense(2))


def test_draws_without_a_seed_have_a_state_that_can_be_read_and_set():
    """Otherwise a layer that draws without a seed of its own would draw anew after a resume."""
    keras.utils.set_random_seed(3)
    state = internals.global_seed_state()
    kept = np.array(state)
    first = np.asarray(keras.random.uniform((3,)))
    assert not np.array_equal(first, keras.random.uniform((3,)))
    state.assign(kept)
    np.testing.assert_array_equal(keras.random.uniform((3,)), first)


def test_what_a_stateless_scope_describes_is_listed():
    """Otherwise a config of a hundred bytes could fill the memory before it fails."""
    with ThreadPoolExecutor(1) as thread:  # the list is the thread's own

        def described():
            with keras.StatelessScope(initialize_variables=False):
                keras.layers.Dense(3).build((None, 2))
            return [x.shape for x in internals.put_off_variables()]

        assert thread.submit(described).result() == [(2, 3), (3,)]


def test_a_model_shows_the_metrics_of_the_one_that_is_trained_for_it():
    """Otherwise callbacks that look at `model.metrics` see nothing while the tail is trained."""
    full, tail = chain(), chain()
    full.compile("sgd", "mse", metrics=["mae"])
    tail.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((8, 4), "float32"), np.zeros((8, 2), "float32")
    tail.fit(x, y, verbose=0)
    variables = len(full.variables)
    internals.share_metrics(full, tail)
    assert full.get_metrics_result()["mae"] == tail.get_metrics_result()["mae"] > 0
    assert len(full.variables) == variables


def test_a_model_goes_on_from_the_epoch_that_a_backup_gives_another_one(tmp_path):
    """Otherwise `BackupAndRestore` would begin an interrupted training again at epoch 0."""
    x, y = np.ones((8, 4), "float32"), np.zeros((8, 2), "float32")

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    interrupted, backup = chain(), keras.callbacks.BackupAndRestore(tmp_path)
    interrupted.compile("sgd", "mse")
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(x, y, epochs=4, callbacks=[backup, Interrupt()], verbose=0)
    full, tail = chain(), chain()
    for model in (full, tail):
        model.compile("sgd", "mse")
        model.optimizer.build(model.trainable_variables)
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    backup.set_model(full)
    backup.on_train_begin()
    internals.share_first_epoch(tail, full)
    assert tail.fit(x, y, epochs=4, verbose=0).epoch == [2, 3]


def test_an_image_data_generator_gives_chosen_items():
    """Otherwise its images cannot be read by number, and so not stored."""
    legacy = pytest.importorskip("tensorflow.keras.preprocessing.image")
    images = np.arange(4 * 2 * 2 * 3, dtype="float32").reshape(4, 2, 2, 3)
    flow = legacy.ImageDataGenerator().flow(images, batch_size=2)
    assert np.array_equal(internals.transformed_samples(flow, np.array([2, 0])), images[[2, 0]])


def test_an_image_data_generator_gives_something_else_for_chosen_items():
    """Otherwise an iterator's own shuffling could not be followed."""
    legacy = pytest.importorskip("tensorflow.keras.preprocessing.image")
    images = np.zeros((4, 2, 2, 3), "float32")
    flow = legacy.ImageDataGenerator().flow(images, batch_size=2, shuffle=False)
    internals.replace_samples(flow, lambda rows: rows)
    assert np.array_equal(flow[1], [2, 3])
