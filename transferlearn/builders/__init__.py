"""Offers builders, which train by their settings: for classes, numbers, masks or pictures."""

from transferlearn.builders.audio import AudioBuilder as AudioBuilder
from transferlearn.builders.audio_classifier import AudioClassifierBuilder as AudioClassifierBuilder
from transferlearn.builders.audio_regressor import AudioRegressorBuilder as AudioRegressorBuilder
from transferlearn.builders.base import Builder as Builder
from transferlearn.builders.causal_lm import CausalLMBuilder as CausalLMBuilder
from transferlearn.builders.classifier import Classifier as Classifier
from transferlearn.builders.image_classifier import ImageClassifierBuilder as ImageClassifierBuilder
from transferlearn.builders.image_regressor import ImageRegressorBuilder as ImageRegressorBuilder
from transferlearn.builders.image_segmenter import ImageSegmenterBuilder as ImageSegmenterBuilder
from transferlearn.builders.image_to_image import ImageToImageBuilder as ImageToImageBuilder
from transferlearn.builders.images import ImageBuilder as ImageBuilder
from transferlearn.builders.object_detector import ObjectDetectorBuilder as ObjectDetectorBuilder
from transferlearn.builders.regressor import Regressor as Regressor
from transferlearn.builders.seq2seq_lm import Seq2SeqLMBuilder as Seq2SeqLMBuilder
from transferlearn.builders.speech_recognizer import (
    SpeechRecognizerBuilder as SpeechRecognizerBuilder,
)
from transferlearn.builders.text_classifier import TextClassifierBuilder as TextClassifierBuilder
from transferlearn.builders.text_regressor import TextRegressorBuilder as TextRegressorBuilder
from transferlearn.builders.texts import EncoderBuilder as EncoderBuilder
from transferlearn.builders.texts import TextBuilder as TextBuilder
from transferlearn.builders.token_classifier import TokenClassifierBuilder as TokenClassifierBuilder
from transferlearn.builders.training_run import Training as Training
