"""What a training on texts leaves behind."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from transferlearn import data
from transferlearn.data import TextDataset, Tokenizer
from transferlearn.evaluation import Evaluation, evaluate
from transferlearn.fitted import FittedModel

TOKENIZER = "tokenizer"
_STEP = 32  # rows come in lengths of a multiple of this, so that there are few shapes to compile
_MANY_ROWS = 2000  # for these, `predict` and `evaluate` show how far they are


@dataclass(kw_only=True, repr=False)
class FittedTextModel(FittedModel):
    """A fine-tuned model of texts with its class names and its tokenizer.

    Attributes:
        model: A plain, flat `keras.Model` that takes token ids, int32 `(batch, tokens)`, and gives
            `(batch, outputs)`.
        tokenizer: Makes the ids.
    """

    tokenizer: Tokenizer

    def predict(self, texts: Any, *, on_error: str = "skip") -> Any:
        """Says of which class texts are.

        Args:
            texts: A string, a list or an array of strings, a `Path` of a `.txt` file, of a folder
                of them or a list of such files, or a `tf.data.Dataset` of strings.
            on_error: What to do with a file that cannot be read: `"skip"` it (and say so) or
                `"raise"`.

        Returns:
            A `Prediction` for a string or a file, else a list of them, in order.

        Raises:
            OSError: There is no such file.
            ValueError: Something else than texts in a list, or a single file that cannot be read.

        Example:
            fitted.predict("a fine film").class_name
        """
        single = isinstance(texts, str) or (isinstance(texts, Path) and not texts.is_dir())
        dataset = data.load_texts(texts, self._kind(), on_error="raise" if single else on_error)
        found = self._predictions(dataset)
        return found[0] if single else found

    def evaluate(self, labelled: Any, *, on_error: str = "skip") -> Evaluation:
        """Scores the model on labelled texts, whatever `fit` takes; see `FittedModel.evaluate`."""
        options = data.Options(
            class_names=self.class_names,
            multi_label=self.outline.multi_label,
            on_error=on_error,
        )
        dataset = data.load_with(labelled, options, self._kind())
        assert isinstance(dataset, TextDataset)
        _, first = np.unique(dataset.text_of, return_index=True)
        return evaluate(
            self._probabilities(dataset),
            np.asarray(dataset.labels)[first],
            self.class_names,
            multi_label=self.outline.multi_label,
        )

    def write_parts(self, folder: Path) -> None:
        """Writes the tokenizer, too."""
        super().write_parts(folder)
        data.save_tokenizer(self.tokenizer, folder / TOKENIZER)

    def _kind(self) -> data.TextKind:
        assert self.outline.sequence_length is not None
        return data.TextKind(
            tokenizer=self.tokenizer,
            sequence_length=self.outline.sequence_length,
            long_texts=self.outline.long_texts,
        )

    def _probabilities(self, dataset: data.Dataset) -> np.ndarray:
        """Of each text: the mean of its rows'."""
        assert isinstance(dataset, TextDataset)
        outputs = self._to_probabilities(self._outputs(dataset))
        rows = np.bincount(dataset.text_of)
        sums = np.zeros((len(rows), outputs.shape[1]))
        np.add.at(sums, dataset.text_of, outputs)
        return (sums / rows[:, None]).astype(outputs.dtype)

    @data.without_retracing_advice()
    def _outputs(self, dataset: TextDataset) -> np.ndarray:
        """Of each row, the short ones first, so that few are filled up much."""
        size, most = self.outline.batch_size, self.outline.sequence_length or dataset.longest
        items = dataset.items.of_length(most, step=_STEP)
        order = np.argsort(dataset.items.lengths, kind="stable")
        progress = keras.utils.Progbar(len(order), verbose=int(len(order) > _MANY_ROWS))
        found: list[np.ndarray] = []
        for begin in range(0, len(order), size):
            rows = order[begin : begin + size]
            found.append(self.model.predict_on_batch(items.start(rows)()))
            progress.add(len(rows))
        outputs = np.concatenate(found)
        return outputs[np.argsort(order)]
