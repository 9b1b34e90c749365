import errno
import os
import time

import pytest

from gancore.errors import DataError, RunError
from gancore.io.cached_folder import cached_folder
from gancore.io.platforms import locked


def is_whole(folder):
    return (folder / "done").exists()


def test_it_is_made_once_and_again_where_it_is_damaged(tmp_path):
    calls = []

    def make(folder):
        calls.append(folder)
        (folder / "done").write_text(str(len(calls)))

    assert [cached_folder(tmp_path, "x", make, is_whole) for _ in range(2)] == [tmp_path / "x"] * 2
    assert len(calls) == 1
    (tmp_path / "x" / "done").unlink()
    cached_folder(tmp_path, "x", make, is_whole)
    assert (tmp_path / "x" / "done").read_text() == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_another_process_was_faster(tmp_path):
    def make(folder):
        (folder / "done").write_text("mine")
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "done").write_text("theirs")

    cached_folder(tmp_path, "x", make, is_whole)
    assert (tmp_path / "x" / "done").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), RunError, r"cannot be written \(No space left on device\)"),
        (DataError("row 3 is odd."), DataError, "row 3 is odd."),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
    ],
)
def test_nothing_is_left_of_one_that_failed(tmp_path, error, raised, said):
    def make(folder):
        (folder / "half").write_text("half")
        raise error

    with pytest.raises(raised, match=said):
        cached_folder(tmp_path / "home", "x", make, is_whole)
    assert not list((tmp_path / "home").iterdir())


def test_what_a_kill_left_goes_and_what_is_at_work_stays(tmp_path):
    names = ["killed.tmp", "working.tmp", "new.tmp"]
    for name in names:
        (tmp_path / name).mkdir()
    for name in names[:2]:
        os.utime(tmp_path / name, (time.time() - 7200,) * 2)
    with locked(tmp_path / "working.tmp"):
        cached_folder(tmp_path, "x", lambda folder: (folder / "done").touch(), is_whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.tmp", "working.tmp", "x"]
