"""Defines the settings of a network, and builds it from backbone and head."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar, Generic, Self

import keras

from transferlearn.assembling import Network, assemble, model_name
from transferlearn.backbones import Backbone, Weights
from transferlearn.builders.arguments import check_parts, check_settings
from transferlearn.builders.planning import named_freeze, strategy
from transferlearn.builders.summary import NO_FREEZE, summarise
from transferlearn.checks import whole
from transferlearn.data import Spec
from transferlearn.data.kind import Kind
from transferlearn.data.messages import check_on_error
from transferlearn.data.sources.groups import Groups, as_groups
from transferlearn.freezing import Freeze, Layers, add_low_rank, low_rank_of
from transferlearn.heads import Decoder, Head, Output, PooledDense
from transferlearn.tasks import Encoding, Task
from transferlearn.training import CompileSettings, freeze_and_compile
from transferlearn.types import Loss, Metrics, Optimizer, Prediction, Tensor


@dataclass(frozen=True)
class NetworkBuilder(abc.ABC, Generic[Prediction]):
    """Holds the settings of a network and its training, checks them, and builds the network."""

    backbone: str | keras.Model | Backbone
    _: KW_ONLY
    weights: Weights = "imagenet"
    head: Head | Decoder = field(default_factory=PooledDense)
    freeze: Freeze | None = None
    batch_norm: str = "frozen"
    optimizer: Optimizer = "adam"
    learning_rate: float | None = None
    loss: Loss | None = None
    metrics: Metrics | None = None
    batch_size: int = 32
    precision: str | None = None
    on_error: str = "skip"
    groups: Groups | None = None
    seed: int | None = None

    _default_rate: ClassVar[float | None] = None
    _makes: ClassVar[str] = "model"

    def __new__(cls, *_: object, **settings: object) -> Self:
        """Refuses a setting that the builder does not have, and names the closest."""
        check_settings(cls, settings)
        return super().__new__(cls)

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            raise TypeError(
                f"{cls.__name__} has an __init__ of its own: copies of a builder would lose what "
                "it sets. Write @dataclass(frozen=True) above the class and each setting as a "
                "field, such as `units: int = 128`."
            )

    def __post_init__(self) -> None:
        check_parts(self.head, self.backbone)
        # A frozen dataclass keeps a checked value in this way only.
        object.__setattr__(self, "batch_size", whole("batch_size", self.batch_size, least=1))
        if self.seed is not None:
            object.__setattr__(self, "seed", whole("seed", self.seed, least=0))
        # Each of these raises where its setting is wrong; nothing is kept.
        named_freeze(self.freeze)
        if self.precision is not None:
            keras.dtype_policies.get(self.precision)
        check_on_error(self.on_error)
        object.__setattr__(self, "groups", as_groups(self.groups))
        self._settings(None)

    @property
    @abc.abstractmethod
    def kind(self) -> Kind:
        """The kind of data that goes in, with the settings to read it."""

    @property
    @abc.abstractmethod
    def task(self) -> Task[Prediction]:
        """The task, which says what is learnt, such as classes or numbers."""

    @abc.abstractmethod
    def load_backbone(self, shape: tuple[int, ...] | None) -> Backbone:
        """Loads the backbone for items of this shape; `None` stands for the builder's own."""

    def _features(self, backbone: Backbone) -> Sequence[str]:
        """Returns the names of the backbone's features that the head reads."""
        return self.head.read_of(backbone.known) if isinstance(self.head, Decoder) else ("last",)

    def _read_backbone(
        self, shape: tuple[int, ...] | None, encoding: Encoding[Prediction]
    ) -> Backbone:
        """Loads the backbone, without the layers that the head does not need."""
        backbone, inputs = self.load_backbone(shape), self._inputs(shape)
        names = [name for name in self._features(backbone) if name not in inputs]
        return backbone.read_by(names)

    def _inputs(self, shape: tuple[int, ...] | None) -> dict[str, Spec]:
        """Returns shape and dtype of each input, by name; `None` is the builder's own shape."""
        return self.kind.inputs(shape)

    def build_head(self, features: Tensor, num_outputs: int) -> Tensor:
        """Makes the head's layers; override it to write your own head.

        Args:
            features: The backbone's output, a `KerasTensor`.
            num_outputs: How many numbers are predicted for each item.

        Returns:
            The output, a `KerasTensor` of shape `(batch, num_outputs)`.
        """
        assert isinstance(self.head, Head)
        return self.head(features, num_outputs, activation="linear")

    def build_decoder(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the decoder's layers; override it to write your own decoder.

        Args:
            features: The features that `head` reads, `KerasTensor`s by name.
            outputs: The outputs that the task needs, by name; each has its number of `units`.

        Returns:
            A `KerasTensor` for each output, by name, without activation.
        """
        assert isinstance(self.head, Decoder)
        return self.head(features, outputs)

    def build_outputs(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the network's outputs by `build_decoder`, or the single one by `build_head`.

        Args:
            features: The backbone's features, and the inputs that come with the targets, by name.
            outputs: The outputs that the task needs, by name.
        """
        if isinstance(self.head, Decoder):
            return self.build_decoder(features, outputs)
        ((name, output),) = outputs.items()
        return {name: self.build_head(features["last"], output.units)}

    def _network(
        self,
        backbone: Backbone,
        encoding: Encoding[Prediction],
        shape: tuple[int, ...] | None,
    ) -> tuple[Network, Encoding[Prediction]]:
        """Builds the network without compiling it, and gives the encoding that fits its outputs."""
        network = assemble(
            backbone,
            lambda features: self.build_outputs(features, encoding.outputs),
            items=self._inputs(shape),
            outputs=encoding.outputs,
            further=encoding.inputs,
            features=self._features(backbone),
            begin=encoding.begin,
            finish=encoding.finish,
            precision=self.precision,
            name=model_name(backbone, self._makes),
        )
        if added := low_rank_of(freeze := named_freeze(self.freeze)):
            assert freeze is not None
            add_low_rank(network.layers, Layers.of(backbone).frozen_by(freeze), added)
        return network, encoding.of_network(network.outputs, self.loss)

    def _build(self, encoding: Encoding[Prediction]) -> keras.Model:
        """Makes the compiled model, frozen as the builder says, for plain `model.fit`."""
        self._seed()
        backbone = self._read_backbone(None, encoding)
        network, encoding = self._network(backbone, encoding, None)
        objective = encoding.objective(
            loss=self.loss, metrics=self.metrics, targets=None, mixed=False
        )
        layers, freeze = Layers.of(backbone), strategy(self.freeze, backbone)
        return freeze_and_compile(network, layers, freeze, self._settings(backbone), objective)

    def _summary(self, encoding: Encoding[Prediction], print_fn: Callable[[str], object]) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        backbone = self._read_backbone(None, encoding)
        network, _ = self._network(backbone, encoding, None)
        mask = Layers.of(backbone).frozen_by(strategy(self.freeze, backbone))
        batch_norm = self._settings(backbone).batch_norm
        print_fn(summarise(network, backbone.blocks, mask, batch_norm=batch_norm))
        if self.freeze is None:
            print_fn(NO_FREEZE)

    def _settings(self, backbone: Backbone | None) -> CompileSettings:
        """Returns the settings to compile with; without a backbone they are only checked."""
        # Random weights have no BatchNorm statistics worth keeping, so these must be trained.
        from_scratch = backbone is not None and not backbone.pretrained
        return CompileSettings(
            optimizer=self.optimizer,
            learning_rate=self._rate(backbone),
            loss=self.loss,
            metrics=self.metrics,
            batch_norm="train" if from_scratch else self.batch_norm,
        )

    def _rate(self, backbone: Backbone | None) -> float | None:
        """Returns the learning rate; `None` leaves the optimizer its own."""
        is_named = isinstance(self.optimizer, str)  # an optimizer object has a rate of its own
        if self.learning_rate is None and is_named:
            return self._usual_rate(backbone)
        return self.learning_rate

    def _usual_rate(self, backbone: Backbone | None) -> float | None:
        """Returns the learning rate where none is given."""
        return self._default_rate

    def _seed(self) -> None:
        """Sets the seeds of Python, NumPy and the backend, if the builder has a seed."""
        if self.seed is not None:
            keras.utils.set_random_seed(self.seed)
