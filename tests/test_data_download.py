"""Downloads against a server on this machine that fails in the ways servers, networks and disks do."""

import errno
import hashlib
import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from medlab import data
from medlab.data import download
from medlab.data import medmnist as catalogue

CONTENT = np.random.default_rng(0).bytes(1_200_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server:
    """Answers with `content`; `faults` are taken one an answer, then all goes well."""

    def __init__(self):
        server = self
        self.content, self.faults, self.asked, self.ranges = CONTENT, [], [], True

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                server.asked.append(self.headers.get("Range"))
                fault = server.faults.pop(0) if server.faults else None
                if callable(fault):
                    fault(self)
                else:
                    answer(self, server)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # a client that hangs up is no news
        self.address = f"http://127.0.0.1:{self.http.server_port}/files/set.npz?download=1"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def answer(handler, server, *, keep: int | None = None, start: int | None = None, length: bool = True):
    """All of the content, or from where the client asked; cut off after `keep` bytes."""
    asked = handler.headers.get("Range")
    begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.ranges else 0
    begin = begin if start is None else start
    size = len(server.content)
    if begin >= size:
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{size}")
        handler.end_headers()
        return
    handler.send_response(206 if asked and server.ranges else 200)
    if asked and server.ranges:
        handler.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
    if length:
        handler.send_header("Content-Length", str(size - begin))
    handler.end_headers()
    handler.wfile.write(server.content[begin:][:keep])


def status(code: int, **headers):
    def fault(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return fault


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "TIMEOUT", 0.5)
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    running = Server()
    yield running
    running.close()


def breaks_after(server: Server, n: int):
    return lambda handler: answer(handler, server, keep=n)


def get(server: Server, folder: Path, **changed) -> Path:
    return download.fetch(server.address, folder / "set.npz", **({"md5": MD5, "page": "https://page"} | changed))


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole(server, tmp_path):
    path = get(server, tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert only(tmp_path / "new") == ["set.npz"]


def test_a_broken_connection_is_resumed_where_it_broke(server, tmp_path):
    server.faults = [breaks_after(server, 300_000), breaks_after(server, 500_000)]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-", "bytes=800000-"]
    assert only(tmp_path) == ["set.npz"]


def test_a_later_call_goes_on_from_what_is_there(server, tmp_path):
    (tmp_path / ".set.npz.part").write_bytes(CONTENT[:1000])
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-"]


def test_what_is_there_may_be_whole_or_of_another_file(server, tmp_path):
    part = tmp_path / ".set.npz.part"
    for content in (CONTENT, CONTENT + b"more", b"another file" * 50):
        part.write_bytes(content)
        assert get(server, tmp_path).read_bytes() == CONTENT
        (tmp_path / "set.npz").unlink()


def test_a_server_without_ranges_sends_it_again(server, tmp_path):
    server.ranges = False
    server.faults = [breaks_after(server, 300_000)]
    assert get(server, tmp_path).read_bytes() == CONTENT


def test_a_server_that_sends_another_part_is_not_trusted(server, tmp_path):
    server.faults = [breaks_after(server, 1000), lambda handler: answer(handler, server, start=5000)]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-", None]


def test_a_busy_server_is_asked_again(server, tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(download.time, "sleep", waited.append)
    server.faults = [status(503), status(429, Retry_After="7")]
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert max(waited) == 7


def test_a_silent_server_is_given_up(server, tmp_path, monkeypatch):
    server.faults = [lambda handler: threading.Event().wait(0.8)] * 20
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    with pytest.raises(data.DownloadError, match=r"no connection.*is there a network.*By hand: get set\.npz"):
        get(server, tmp_path)
    assert only(tmp_path) == []


def test_a_connection_that_dies_for_good_keeps_what_arrived(server, tmp_path):
    server.faults = [breaks_after(server, 300_000)] + [lambda handler: None] * 20
    with pytest.raises(data.DownloadError, match=r"no connection.*the next try goes on from there\. By hand"):
        get(server, tmp_path)
    assert only(tmp_path) == [".set.npz.part"]
    assert len(server.asked) == 1 + download.ATTEMPTS
    server.faults = []
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=300000-"
    assert only(tmp_path) == ["set.npz"]


def test_a_file_of_unknown_length_that_broke_at_its_end_is_whole(server, tmp_path):
    server.faults = [lambda handler: answer(handler, server, length=False)]
    real, broken = download._block, [True]

    def breaks_at_the_end(answer):
        block = real(answer)
        if not block and broken:
            raise download._Broken(broken.pop())
        return block

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "_block", breaks_at_the_end)
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={len(CONTENT)}-"]


def test_an_error_of_the_system_while_reading_is_a_broken_connection(server, tmp_path, monkeypatch):
    real, failures = (
        download.urllib.request.urlopen,
        [OSError(errno.EHOSTUNREACH, "no route"), OSError(errno.ENOSPC, "-")],
    )

    def opened(*given, **options):
        answer = real(*given, **options)
        read, whole = answer.read, answer.length

        def fails_after_a_block(n):
            if failures and answer.length < whole:
                raise failures.pop()
            return read(n)

        answer.read = fails_after_a_block
        return answer

    monkeypatch.setattr(download.urllib.request, "urlopen", opened)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={download.BLOCK}-", f"bytes={2 * download.BLOCK}-"]
    failing = [OSError(errno.EIO, "input/output error")] * 20
    monkeypatch.setattr(download.urllib.request, "urlopen", lambda *_, **__: (_ for _ in ()).throw(failing.pop()))
    with pytest.raises(data.DownloadError, match=r"other\.npz: no connection to .*input/output error"):
        download.fetch(server.address, tmp_path / "other.npz", md5=MD5)


def test_no_network(tmp_path, server):
    server.close()
    with pytest.raises(data.DownloadError, match=r"no connection to http.*refused.*get set\.npz from https://page"):
        get(server, tmp_path)
    assert only(tmp_path) == []


def test_no_such_file(server, tmp_path):
    server.faults = [status(404)] * 3
    with pytest.raises(data.DownloadError, match=rf"answered 404.*has moved.*put it into {tmp_path}"):
        get(server, tmp_path)
    assert len(server.asked) == 1
    assert only(tmp_path) == []


def test_a_wrong_checksum_is_deleted_and_refused(server, tmp_path):
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(data.DownloadError, match=rf"MD5 {hashlib.md5(server.content).hexdigest()}, expected was {MD5}"):
        get(server, tmp_path)
    assert only(tmp_path) == []


def test_a_log_in_page_in_place_of_the_file(server, tmp_path):
    def page(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html; charset=utf-8")
        handler.end_headers()
        handler.wfile.write(b"<html>please log in</html>")

    server.faults = [page]
    with pytest.raises(data.DownloadError, match="a web page came instead"):
        get(server, tmp_path)
    assert only(tmp_path) == []


def test_a_full_disk_before_and_while_writing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(data.DownloadError, match=rf"the disk is full; make room at {tmp_path}.*By hand"):
        get(server, tmp_path)
    assert only(tmp_path) == []
    monkeypatch.undo()
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def append(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download, "_append", append)
    with pytest.raises(data.DownloadError, match="the disk is full"):
        get(server, tmp_path)
    assert only(tmp_path) == []


def test_a_folder_that_cannot_be_written_to(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(data.DownloadError, match=r"set\.npz: cannot be saved: .* at .*file, or name another folder"):
        get(server, tmp_path / "file")
    if os.geteuid() == 0:

        def refuse(path, mode="r", *rest, **options):
            raise PermissionError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr("builtins.open", refuse)
    else:
        tmp_path.chmod(stat.S_IREAD | stat.S_IEXEC)
    with pytest.raises(data.DownloadError, match=rf"set\.npz: cannot be saved: .* at {tmp_path}.*MEDLAB_DATA"):
        get(server, tmp_path)
    tmp_path.chmod(stat.S_IRWXU)
    assert server.asked == []


def test_a_bar_only_when_asked(server, tmp_path, capsys):
    get(server, tmp_path / "quiet")
    assert capsys.readouterr() == ("", "")
    get(server, tmp_path / "loud", progress=True)
    said = capsys.readouterr()
    assert "set.npz" in said.err
    assert "1.2" in said.err.lower()


def test_two_at_once_fetch_it_once(server, tmp_path):
    server.faults = [lambda handler: (threading.Event().wait(0.2), answer(handler, server))]
    contents = []
    threads = [threading.Thread(target=lambda: contents.append(get(server, tmp_path).read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents == [CONTENT] * 4
    assert len(server.asked) == 1
    assert only(tmp_path) == ["set.npz"]


@pytest.mark.filterwarnings("ignore:BreastMNIST. malignant")
def test_load_fetches_what_is_missing_once(server, tmp_path, monkeypatch):
    folder = tmp_path / "made"
    rng = np.random.default_rng(0)
    parts = {"train": 546, "val": 78, "test": 156}
    arrays = {f"{part}_images": rng.integers(0, 256, (n, 28, 28), np.uint8) for part, n in parts.items()}
    arrays |= {f"{part}_labels": rng.integers(0, 2, (n, 1), np.uint8) for part, n in parts.items()}
    np.savez_compressed(tmp_path / "source.npz", **arrays)
    server.content = (tmp_path / "source.npz").read_bytes()
    monkeypatch.setitem(catalogue.CATALOGUE["breastmnist"].md5, 28, hashlib.md5(server.content).hexdigest())
    address = f"http://127.0.0.1:{server.http.server_port}/{{file}}"
    monkeypatch.setattr(catalogue, "ADDRESS", address)
    monkeypatch.setenv("MEDLAB_DATA", str(folder))
    for _ in range(2):
        found = data.load("breastmnist")
        np.testing.assert_array_equal(found.images[:546], arrays["train_images"])
    assert only(folder) == ["breastmnist.npz"]
    assert server.asked == [None]
    server.faults = [status(404)]
    with pytest.raises(data.DownloadError, match=r"breastmnist_64\.npz from https://zenodo\.org/records/10519652"):
        data.load("breastmnist", size=64)


def test_without_a_setting_files_lie_in_the_cache_of_the_course(monkeypatch):
    monkeypatch.delenv("MEDLAB_DATA", raising=False)
    from medlab.data.load import data_folder

    assert data_folder() == Path(__file__).parents[1] / "data" / "cache"
    assert data_folder("~/x") == Path.home() / "x"
