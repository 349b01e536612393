"""What every builder does, whatever its data is."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

import keras

from transferlearn import data, objectives, training
from transferlearn.assembling import Network, assemble
from transferlearn.backbones import Backbone, Weights
from transferlearn.builders.arguments import by_id, check_parts, whole
from transferlearn.builders.record import found, record, say_unused_rate
from transferlearn.builders.summary import summarise
from transferlearn.features import Cache
from transferlearn.fitted import FittedModel, Outline
from transferlearn.freezing import Freeze, FreezeStrategy, Layers, as_strategy
from transferlearn.heads import Activation, Head, PooledDense
from transferlearn.schedules import Job, Schedule, as_schedule, default_freeze


@dataclass(frozen=True)
class Builder(abc.ABC):
    """Describes a transfer-learning job. It never changes: `fit` and `build` make new things.

    Subclass a builder to write a head of your own (`build_head`); further settings are dataclass
    fields, not an `__init__`.
    """

    backbone: str | keras.Model | Backbone
    _: KW_ONLY
    weights: Weights = "imagenet"
    head: Head = field(default_factory=PooledDense)
    freeze: Freeze | None = None
    batch_norm: str = "frozen"
    optimizer: Any = "adam"
    learning_rate: float | None = None
    loss: Any = None
    metrics: Any = None
    multi_label: bool = False
    batch_size: int = 32
    precision: str | None = None
    seed: int | None = None

    _default_schedule: ClassVar[str] = "auto"
    _default_rate: ClassVar[float | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            raise TypeError(
                f"{cls.__name__} has an __init__ of its own: copies of a builder would lose what "
                "it sets. Write @dataclass(frozen=True) above the class and each setting as a "
                "field, such as `units: int = 128`."
            )

    def __post_init__(self) -> None:
        check_parts(self.head, self.backbone)
        object.__setattr__(self, "batch_size", whole("batch_size", self.batch_size, least=1))
        if self.seed is not None:
            object.__setattr__(self, "seed", whole("seed", self.seed, least=0))
        self._given_freeze()
        if self.precision is not None:
            keras.dtype_policies.get(self.precision)
        training.check_recipe(self._recipe())

    def build_head(self, features: Any, num_classes: int) -> Any:
        """Makes the head's layers; override it to write your own.

        Args:
            features: The backbone's output, a `KerasTensor`.
            num_classes: How many classes there are.

        Returns:
            The output, a `KerasTensor` of shape `(batch, num_classes)`, or `(batch, 1)` with a
            sigmoid for two classes. The loss follows from its last activation; none means logits.
        """
        single = self.multi_label or self._outputs(num_classes) == 1
        activation: Activation = "sigmoid" if single else "softmax"
        return self.head(features, self._outputs(num_classes), activation=activation)

    def build(self, num_classes: int) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Args:
            num_classes: At least 2, or 1 for the one sigmoid output of a binary question.

        Returns:
            A plain, flat, functional `keras.Model`: raw RGB pixels in [0, 255] of shape
            `(batch, height, width, 3)` in, `(batch, num_classes)` out. Frozen layers stay exactly
            as they are under `model.fit`. Without a `loss` it is compiled with sparse categorical
            cross-entropy (class ids), or binary cross-entropy for one output or `multi_label`.

        Example:
            model = tl.ImageClassifierBuilder("VGG16", freeze="all").build(num_classes=10)
            model.fit(train_ds, epochs=10)
        """
        self._seed()
        backbone = self._backbone(None)
        network = self._assemble(backbone, num_classes, self._shape())
        layers, freeze = Layers.of(backbone), self._strategy(backbone)
        return training.freeze_and_compile(network, layers, freeze, self._recipe(backbone))

    def summary(self, num_classes: int = 2, *, print_fn: Callable[[str], Any] = print) -> None:
        """Prints, block by block, what is frozen and what is trained, and how many parameters."""
        backbone = self._backbone(None)
        network = self._assemble(backbone, num_classes, self._shape())
        mask = Layers.of(backbone).frozen_by(self._strategy(backbone))
        batch_norm = self._recipe(backbone).batch_norm
        training.set_trainable(network, mask, batch_norm=batch_norm)
        print_fn(summarise(network, backbone.blocks, mask, batch_norm=batch_norm))
        if self.freeze is None:
            print_fn(
                "This is what build gives. No freeze is named: in fit the schedule chooses it."
            )

    def fit(
        self,
        train: Any,
        validation_data: Any = None,
        *,
        epochs: int | None = None,
        schedule: Schedule | str | None = None,
        validation_split: float = 0.1,
        class_names: Sequence[str] | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        cache: str | bool | Cache = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | keras.callbacks.Callback | None = None,
        verbose: Any = "auto",
    ) -> FittedModel:
        """Trains, phase by phase.

        Args:
            train: A folder with a folder for each class (or with `train` and `validation` in it),
                `(x, y)` or `(x, y, sample_weight)`, a CSV file or DataFrame of paths and labels, a
                `tf.data.Dataset`, an `ImageDataGenerator` iterator or another `PyDataset`.
            validation_data: Likewise. Without it, `validation_split` of folders, arrays and tables
                is held out, stratified by class; streams are trained on whole.
            epochs: Over all phases; by default 10, or as the schedule sees fit.
            schedule: What is frozen when: a `tl.Schedule`, or `"auto"`, `"one-phase"`, `"probe"`,
                `"fine-tune"`, `"gradual"`. By default `"auto"` (of texts `"probe"`), or with a
                `freeze` one phase.
            validation_split: Share in [0, 1) to hold out. A solved head that is not trained
                further is in the end solved on that share too.
            class_names: In the order of the class ids; by default found in the data.
            class_weight: `"balanced"` (all classes count alike), or from class names or ids to
                weights; multiplied into sample weights.
            cache: Whether the output of frozen layers is computed once and stored: `"auto"` where
                that saves time, `True` (`ValueError` where it cannot be), `False`, or a `tl.Cache`
                that says where and how. The same weights come out, to rounding.
            callbacks: Keras callbacks; they see the full model, and epochs that run on over phases.
            verbose: As for `model.fit`.

        Returns:
            A `FittedModel`; this builder and all that was passed stay as they were.

        Raises:
            ValueError: Data or settings that cannot work, before anything is trained.
        """
        epochs = None if epochs is None else whole("epochs", epochs, least=1)
        plan = self._plan(schedule)
        watching = training.as_callbacks(callbacks)
        training.check_cache(cache)
        loaded = self._load(train, validation_data, validation_split, class_names)
        if verbose:
            print(found(*loaded))
        self._seed()
        return self._train(
            loaded, plan, epochs, class_weight, callbacks=watching, cache=cache, verbose=verbose
        )

    def _train(
        self,
        loaded: tuple[data.Dataset, data.Dataset | None],
        plan: Schedule,
        epochs: int | None,
        class_weight: Any,
        **options: Any,
    ) -> FittedModel:
        """Trains on loaded data with the random state as it is; `options` of `training.run`."""
        trained_on, held_out = loaded
        backbone = self._backbone(trained_on.shape)
        network = self._assemble(backbone, len(trained_on.class_names), trained_on.shape)
        recipe, layers = self._recipe(backbone), Layers.of(backbone)
        layers.frozen_by(self._strategy(backbone))  # a later phase must not be the first to fail
        epochs = epochs or plan.default_epochs(trained_on.size)
        job = self._job(backbone, epochs, trained_on.size)
        sources = training.Sources(
            train=trained_on,
            validation=held_out,
            batch_size=self.batch_size,
            class_weight=by_id(class_weight, trained_on),
            seed=self.seed,
            **self._variation(trained_on.shape, plan),
        )
        history = training.run(
            network, layers, plan.phases(job), recipe, sources, job.results, **options
        )
        say_unused_rate(job)
        outline = Outline(
            backbone=backbone.name,
            source=backbone.source,
            activation=network.activation,
            multi_label=self.multi_label,
            batch_size=self.batch_size,
            **record(self, plan, options["callbacks"], layers, trained_on, held_out),
        )
        return self._fitted(
            backbone,
            trained_on,
            model=network.model,
            class_names=trained_on.class_names,
            history=history,
            phases=tuple(job.results),
            outline=outline,
            skipped=trained_on.skipped,
        )

    @abc.abstractmethod
    def _load(
        self, train: Any, validation_data: Any, validation_split: float, class_names: Any
    ) -> tuple[data.Dataset, data.Dataset | None]:
        """Loads the data of this modality, checked."""

    @abc.abstractmethod
    def _shape(self) -> tuple[Any, ...]:
        """Gives the builder's own shape of an item, without any data."""

    @abc.abstractmethod
    def _backbone(self, shape: tuple[Any, ...] | None) -> Backbone:
        """Loads the backbone for items of this shape, or, with `None`, of the builder's own."""

    @abc.abstractmethod
    def _fitted(
        self, backbone: Backbone, train: data.Dataset, *, outline: Outline, **parts: Any
    ) -> FittedModel:
        """Puts together what a training leaves behind; `parts` of a `FittedModel`."""

    def _variation(self, shape: tuple[Any, ...], plan: Schedule) -> dict[str, Any]:
        """Gives fresh augmentation of this modality, as `training.Sources` takes it."""
        return {}

    def _assemble(self, backbone: Backbone, num_classes: int, shape: tuple[Any, ...]) -> Network:
        num_classes = whole("num_classes", num_classes, least=1)
        network = assemble(
            backbone,
            lambda features: self.build_head(features, num_classes),
            shape=shape,
            precision=self.precision,
        )
        outputs = training.outputs_of(network, self._recipe())
        objectives.check_outputs(outputs, num_classes, self.loss)
        return network

    def _outputs(self, num_classes: int) -> int:
        two_as_one = objectives.is_binary(self.loss) and not self.multi_label and num_classes == 2
        return 1 if two_as_one else num_classes

    def _strategy(self, backbone: Backbone) -> FreezeStrategy:
        return default_freeze(self._given_freeze(), backbone.pretrained)

    def _given_freeze(self) -> FreezeStrategy | None:
        return None if self.freeze is None else as_strategy(self.freeze)

    def _job(self, backbone: Backbone, epochs: int, items: int | None) -> Job:
        optimizer = objectives.copy_optimizer(self.optimizer, self._rate())
        return Job(
            blocks=backbone.blocks,
            freeze=self._given_freeze(),
            pretrained=backbone.pretrained,
            epochs=epochs,
            learning_rate=float(keras.ops.convert_to_numpy(optimizer.learning_rate)),
            rate_given=self.learning_rate is not None or not isinstance(self.optimizer, str),
            items=items,
            results=[],
        )

    def _recipe(self, backbone: Backbone | None = None) -> training.Recipe:
        from_scratch = backbone is not None and not backbone.pretrained
        return training.Recipe(
            optimizer=self.optimizer,
            learning_rate=self._rate(),
            loss=self.loss,
            metrics=self.metrics,
            batch_norm="train" if from_scratch else self.batch_norm,
            multi_label=self.multi_label,
        )

    def _plan(self, schedule: Schedule | str | None) -> Schedule:
        default = self._default_schedule if self.freeze is None else "one-phase"
        return as_schedule(schedule, default=default)

    def _rate(self) -> float | None:
        is_named = isinstance(self.optimizer, str)
        return self._default_rate if self.learning_rate is None and is_named else self.learning_rate

    def _seed(self) -> None:
        if self.seed is not None:
            keras.utils.set_random_seed(self.seed)
