"""Checks parts that a user wrote, for tests: raises `AssertionError` where something is wrong."""

from transferlearn.testing.decoders import check_decoder as check_decoder
from transferlearn.testing.decoders import check_detector_head as check_detector_head
from transferlearn.testing.freezing import check_freezing as check_freezing
from transferlearn.testing.heads import check_head as check_head
from transferlearn.testing.kinds import check_kind as check_kind
from transferlearn.testing.resuming import check_resume as check_resume
from transferlearn.testing.schedules import check_schedule as check_schedule
from transferlearn.testing.sources import check_source as check_source
from transferlearn.testing.tasks import check_task as check_task
from transferlearn.testing.transforms import check_transform as check_transform
