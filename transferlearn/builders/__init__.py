"""Offers builders, which train by their settings: for classes, numbers, masks or pictures."""

from transferlearn.builders.audio import AudioBuilder as AudioBuilder
from transferlearn.builders.base import Builder as Builder
from transferlearn.builders.causal_lm import CausalLMBuilder as CausalLMBuilder
from transferlearn.builders.classifier import AudioClassifierBuilder as AudioClassifierBuilder
from transferlearn.builders.classifier import Classifier as Classifier
from transferlearn.builders.classifier import ImageClassifierBuilder as ImageClassifierBuilder
from transferlearn.builders.classifier import TextClassifierBuilder as TextClassifierBuilder
from transferlearn.builders.image_segmenter import ImageSegmenterBuilder as ImageSegmenterBuilder
from transferlearn.builders.image_to_image import ImageToImageBuilder as ImageToImageBuilder
from transferlearn.builders.images import ImageBuilder as ImageBuilder
from transferlearn.builders.object_detector import ObjectDetectorBuilder as ObjectDetectorBuilder
from transferlearn.builders.regressor import AudioRegressorBuilder as AudioRegressorBuilder
from transferlearn.builders.regressor import ImageRegressorBuilder as ImageRegressorBuilder
from transferlearn.builders.regressor import Regressor as Regressor
from transferlearn.builders.regressor import TextRegressorBuilder as TextRegressorBuilder
from transferlearn.builders.seq2seq_lm import Seq2SeqLMBuilder as Seq2SeqLMBuilder
from transferlearn.builders.speech_recognizer import (
    SpeechRecognizerBuilder as SpeechRecognizerBuilder,
)
from transferlearn.builders.texts import EncoderBuilder as EncoderBuilder
from transferlearn.builders.texts import TextBuilder as TextBuilder
from transferlearn.builders.token_classifier import TokenClassifierBuilder as TokenClassifierBuilder
from transferlearn.builders.training_run import Training as Training
