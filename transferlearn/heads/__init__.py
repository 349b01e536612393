"""What is put behind a backbone."""

from transferlearn.heads._base import Activation as Activation
from transferlearn.heads._base import Decoder as Decoder
from transferlearn.heads._base import Head as Head
from transferlearn.heads._outputs import Output as Output
from transferlearn.heads.flatten_dense import FlattenDense as FlattenDense
from transferlearn.heads.pooled_dense import PooledDense as PooledDense
