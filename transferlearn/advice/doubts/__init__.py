"""Finds the labels that are least likely to be right."""

from transferlearn.advice.doubts.doubting import doubt as doubt
from transferlearn.advice.doubts.doubting import is_new_to as is_new_to
from transferlearn.advice.doubts.doubting import judged_by as judged_by
from transferlearn.advice.doubts.ranking import Ranking as Ranking
from transferlearn.advice.doubts.ranking import ranking as ranking
from transferlearn.advice.doubts.result import Doubt as Doubt
from transferlearn.advice.doubts.result import Doubts as Doubts
