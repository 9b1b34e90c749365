"""Seconds by stage: each without the stages within it."""

import pytest

from gancore.io import stage_times
from gancore.io.stage_times import stage, timed


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(stage_times.time, "perf_counter", lambda: now[0])

    def work(seconds):
        now[0] += seconds

    return work


def test_a_stage_within_is_charged_alone(clock):
    with timed() as seconds:
        clock(1)
        with stage("outer"):
            clock(2)
            with stage("inner"):
                clock(4)
            clock(8)
        with stage("inner"):
            clock(16)
    assert seconds == {"outer": 10, "inner": 20}


def test_a_stage_that_fails_is_charged_too(clock):
    def failing():
        with stage("one"):
            clock(1)
            raise ValueError("stop")

    with timed() as seconds:
        with pytest.raises(ValueError, match="stop"):
            failing()
        with stage("two"):
            clock(2)
    assert seconds == {"one": 1, "two": 2}


def test_outside_it_does_nothing(clock):
    with stage("one"):
        clock(1)
    with timed() as outer:
        with timed() as inner, stage("one"):
            clock(1)
        assert inner == {"one": 1}
    assert outer == {}
