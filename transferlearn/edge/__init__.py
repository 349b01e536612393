"""Runs exported models without TensorFlow and Keras: NumPy, Pillow and one runtime are enough.

What is here is also what training itself uses, so that both read a photo alike and say the same of
it. Nothing in this package imports Keras or TensorFlow.
"""

from transferlearn.edge.audio_reader import AudioReader as AudioReader
from transferlearn.edge.boxes.prediction import BoxPrediction as BoxPrediction
from transferlearn.edge.boxes.reader import BoxReader as BoxReader
from transferlearn.edge.description import Description as Description
from transferlearn.edge.description import TensorSpec as TensorSpec
from transferlearn.edge.generation import Sampling as Sampling
from transferlearn.edge.image_reader import ImageReader as ImageReader
from transferlearn.edge.item_reader import ArrayReader as ArrayReader
from transferlearn.edge.item_reader import ItemReader as ItemReader
from transferlearn.edge.item_reader import Rows as Rows
from transferlearn.edge.item_reader import Seen as Seen
from transferlearn.edge.maps.layers import LayerPrediction as LayerPrediction
from transferlearn.edge.maps.layers import LayerReader as LayerReader
from transferlearn.edge.maps.masks import MaskPrediction as MaskPrediction
from transferlearn.edge.maps.masks import MaskReader as MaskReader
from transferlearn.edge.maps.pictures import PicturePrediction as PicturePrediction
from transferlearn.edge.maps.pictures import PictureReader as PictureReader
from transferlearn.edge.maps.reading import MapReader as MapReader
from transferlearn.edge.output_reader import OutputReader as OutputReader
from transferlearn.edge.output_reader import RawPrediction as RawPrediction
from transferlearn.edge.output_reader import RawReader as RawReader
from transferlearn.edge.predictions import ClassPrediction as ClassPrediction
from transferlearn.edge.predictions import ClassReader as ClassReader
from transferlearn.edge.predictions import NumberPrediction as NumberPrediction
from transferlearn.edge.predictions import NumberReader as NumberReader
from transferlearn.edge.runner import Runner as Runner
from transferlearn.edge.text_reader import PromptReader as PromptReader
from transferlearn.edge.text_reader import TextReader as TextReader
from transferlearn.edge.transcripts import Segment as Segment
from transferlearn.edge.transcripts import Transcript as Transcript
from transferlearn.edge.windows import Window as Window
from transferlearn.edge.words.predictions import Entity as Entity
from transferlearn.edge.words.predictions import TagPrediction as TagPrediction
from transferlearn.edge.words.predictions import TagReader as TagReader
from transferlearn.edge.words.reader import WordReader as WordReader
from transferlearn.edge.written import TextPrediction as TextPrediction
from transferlearn.edge.written import WrittenReader as WrittenReader
