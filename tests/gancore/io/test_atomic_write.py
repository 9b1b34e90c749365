"""Results are whole or not there, wherever they are to go."""

import os
import threading

import pytest

from gancore.errors import ConfigError, RunError
from gancore.io.atomic_write import refuse_place, whole
from gancore.runs.folder import alone, claim


def test_an_interrupt_leaves_what_was_there(tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text("old")

    def interrupted():
        with whole(kept) as place:
            place.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("kept.txt", "old")]


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path):
    link, pipe, got = tmp_path / "link", tmp_path / "pipe", []
    link.symlink_to("real")
    with whole(link) as place:
        place.write_text("through the link")
    assert link.is_symlink()
    assert (tmp_path / "real").read_text() == "through the link"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    with whole(pipe) as place:
        place.write_text("through the pipe")
    reader.join()
    assert got == ["through the pipe"]
    assert pipe.is_fifo()


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(OSError, match="No such file") as told, whole(tmp_path / "no" / "new.txt") as place:
        place.write_text("")
    assert told.value.filename == str(tmp_path / "no" / "new.txt")


def test_places_that_cannot_be_meant(tmp_path):
    read = tmp_path / "read.smi"
    read.write_text("C")
    (tmp_path / "same.smi").symlink_to(read)
    for place, words in ((tmp_path, "is a folder"), (read, "is what is read from"), (tmp_path / "same.smi", "is what")):
        with pytest.raises(ConfigError, match=words):
            refuse_place(place, read)
    with pytest.raises(RunError, match="cannot be made"):
        refuse_place(read / "new" / "x.smi")
    refuse_place(tmp_path / "new" / "x.smi", read)
    assert (tmp_path / "new").is_dir(), "made before the work"


def test_one_training_at_a_time_in_a_folder(tmp_path):
    claim(tmp_path / "run", resume=False)
    with alone(tmp_path / "run"), pytest.raises(RunError, match="another training is at work there"):
        claim(tmp_path / "run", resume=True)
    claim(tmp_path / "run", resume=True)
    with pytest.raises(ConfigError, match="has no name"):
        claim(" ", resume=False)
