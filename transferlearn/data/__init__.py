"""Makes datasets of raw, checked items from folders, tables, arrays, `tf.data` and generators."""

from transferlearn.data.array_kind import ArrayKind as ArrayKind
from transferlearn.data.dataset import Dataset as Dataset
from transferlearn.data.images import Images as Images
from transferlearn.data.kind import Kind as Kind
from transferlearn.data.kind import Spec as Spec
from transferlearn.data.loading import LoadedData as LoadedData
from transferlearn.data.loading import Reading as Reading
from transferlearn.data.loading import load as load
from transferlearn.data.loading import load_pair as load_pair
from transferlearn.data.messages import DataWarning as DataWarning
from transferlearn.data.messages import Skipped as Skipped
from transferlearn.data.targets import Classes as Classes
from transferlearn.data.targets import ClassIds as ClassIds
from transferlearn.data.targets import Encoded as Encoded
from transferlearn.data.targets import Encoder as Encoder
from transferlearn.data.targets import Masks as Masks
from transferlearn.data.targets import Numbers as Numbers
from transferlearn.data.targets import OneHot as OneHot
from transferlearn.data.targets import PixelIds as PixelIds
from transferlearn.data.targets import Tags as Tags
from transferlearn.data.targets import Target as Target
from transferlearn.data.targets import Targets as Targets
from transferlearn.data.texts import Characters as Characters
from transferlearn.data.texts import Texts as Texts
from transferlearn.data.texts import Tokenizer as Tokenizer
