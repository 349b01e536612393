"""Shows how a language model goes on, before and after training, and what it learnt by heart."""

from transferlearn.advice.continuing.heart import LearntByHeart as LearntByHeart
from transferlearn.advice.continuing.heart import learnt_by_heart as learnt_by_heart
from transferlearn.advice.continuing.texts import Continuations as Continuations
from transferlearn.advice.continuing.texts import continuations as continuations
