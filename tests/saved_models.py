"""SavedModels that the tests make themselves, of real networks."""

import keras
import numpy as np
import tensorflow as tf

IMAGE = (24, 24)


def network(seed=0):
    """A small network with BatchNorm and Dropout that takes pixels in [0, 1]."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((*IMAGE, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, use_bias=False)(image)
    x = keras.layers.BatchNormalization(momentum=0.5)(x)
    x = keras.layers.Dropout(0.2)(keras.layers.ReLU()(x))
    x = keras.layers.Conv2D(12, 3, activation="tanh")(x)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    random = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        if len(weight.shape) > 1:
            weight.assign(random.normal(0, 0.3, weight.shape))
    return model


def save_module(model, folder, *, size=IMAGE, takes_training=True, penalty=0.0):
    """Writes a network as a reusable SavedModel, as TF-Hub defines it."""
    module = tf.train.Checkpoint()
    module.variables = [weight.value for weight in model.weights]
    module.seeds = [v.value for v in model.variables if v.name.startswith("seed_generator")]
    module.trainable_variables = [weight.value for weight in model.trainable_weights]
    kernel = module.trainable_variables[0]

    @tf.function(input_signature=[])
    def loss():
        return penalty * tf.reduce_sum(kernel**2)

    module.regularization_losses = [loss] if penalty else []
    spec = tf.TensorSpec((None, *(size or (None, None)), 3), tf.float32)
    if takes_training:
        module.__call__ = tf.function(lambda x, training=False: model(x, training=training))
        for training in (True, False):
            module.__call__.get_concrete_function(spec, training=training)
    else:
        module.__call__ = tf.function(lambda x: model(x, training=False), input_signature=[spec])
    tf.saved_model.save(module, str(folder))
    return str(folder)


def save_text_module(folder):
    """Writes a module that takes strings: the mean of vectors of their words."""
    words = ["good", "fine", "great", "bad", "poor", "awful", "film", "plot", "actor", "scene"]
    module = tf.train.Checkpoint()
    vectors = np.random.default_rng(0).normal(size=(len(words) + 1, 16)).astype("float32")
    module.table = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(words, tf.range(len(words), dtype=tf.int64)), 1
    )
    module.vectors = tf.Variable(vectors)
    module.variables = module.trainable_variables = [module.vectors]

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def call(texts):
        ids = module.table.lookup(tf.strings.split(texts).to_tensor("?"))
        return tf.reduce_mean(tf.gather(module.vectors, ids), 1)

    module.__call__ = call
    tf.saved_model.save(module, str(folder))
    return str(folder)


def save_writer(folder, target):
    """Writes a module that writes a file when it is called."""
    module = tf.train.Checkpoint()

    @tf.function
    def write(x):
        tf.io.write_file(str(target), "written")
        return x

    @tf.function(input_signature=[tf.TensorSpec((None, *IMAGE, 3), tf.float32)])
    def call(x):
        x = tf.cond(tf.shape(x)[0] > 0, lambda: write(x), lambda: x)
        return tf.reduce_mean(x, [1, 2])

    module.__call__ = call
    tf.saved_model.save(module, str(folder))
    return str(folder)
