"""Fetch one file safely: taken up again where the connection breaks, checked by its sum, there whole or not at all."""

import errno
import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

ATTEMPTS = 6  # in a row without a single new byte
TIMEOUT = 30  # seconds without an answer
BLOCK = 1 << 18
BUSY = (408, 425, 429, 500, 502, 503, 504)  # the server may answer later
GONE = (401, 403, 404, 410)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DownloadError(OSError):
    """A file that could not be fetched; the message says why, where to get it by hand and where to put it."""


class _Broken(Exception):
    """The connection ended early; the next attempt goes on from there."""


def fetch(address: str, path: Path, *, md5: str, page: str = "", progress: bool = False) -> Path:
    """Download a file that is not there yet; if that fails, nothing is at `path`.

    What has arrived when a connection breaks off is kept beside `path` under a name that ends in `.part`, and a later
    call goes on from there. Of two processes that want the same file, the second waits for the first.

    Args:
        address: Where it is.
        path: Where to put it; its folder is made if need be.
        md5: Checksum that it must have, in hexadecimal; a file with another is deleted.
        page: Page on which a person finds the file; `address` where empty.
        progress: Show a bar.

    Raises:
        DownloadError: If it cannot be fetched, saved or trusted.
    """
    by_hand = f"By hand: get {path.name} from {page or address} and put it into {path.parent}"
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            if path.exists():  # another process was faster
                return path
            kind, begun = "", part.exists() and part.stat().st_size > 0
            for again in range(1 + begun):  # what was there may have begun another file: once more, from the start
                if again:
                    part.unlink()
                kind = _all(address, part, path.name, progress)
                came = file_md5(part)
                if came == md5:
                    os.replace(part, path)
                    return path
            part.unlink()
        hint = "; a web page came instead, perhaps that of a log-in or a proxy" if "html" in kind else ""
        problem = f"what came has the MD5 {came}, expected was {md5}{hint}; it was deleted. Try again"
        raise DownloadError(f"{path.name}: {problem}. {by_hand}")
    except DownloadError:
        raise
    except urllib.error.HTTPError as error:
        hint = "the file has moved or is not public" if error.code in GONE else "try again later"
        problem, cause = f"{address} answered {error.code} {error.reason}; {hint}", error
    except _Broken as error:
        kept = "What has arrived is kept, the next try goes on from there"
        problem, cause = f"no connection to {address} ({error}); is there a network? {kept}", error
    except OSError as error:
        if error.errno in FULL:
            part.unlink(missing_ok=True)  # what fills a disk helps nobody
        what = "the disk is full; make room" if error.errno in FULL else f"cannot be saved: {error.strerror}; mend that"
        problem, cause = f"{what} at {path.parent}, or name another folder with folder= or MEDLAB_DATA", error
    if part.exists() and not part.stat().st_size:
        part.unlink()
    raise DownloadError(f"{path.name}: {problem}. {by_hand}") from cause


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process downloads into the folder."""
    try:
        import fcntl
    except ImportError:  # Windows: two at once end in a wrong checksum, nothing worse
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def file_md5(path: Path) -> str:
    """MD5 of a file in hexadecimal, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _all(address: str, part: Path, name: str, progress: bool) -> str:
    """Ask again and again for what is missing until the file is whole; the kind of content that the server named."""
    from tqdm.auto import tqdm

    failed = 0
    bar = tqdm(unit="B", unit_scale=True, unit_divisor=1000, desc=name, disable=not progress)
    with bar, open(part, "ab") as file:
        while True:
            before, wait = file.tell(), 0.2 * 2**failed
            try:
                return _append(address, file, bar)
            except urllib.error.HTTPError as error:
                if error.code == 416:  # nothing after what is there: it is whole
                    return ""
                if error.code not in BUSY:
                    raise
                asked = error.headers.get("Retry-After", "")
                wait, problem = max(wait, min(float(asked), 60.0) if asked.isdigit() else 0.0), error
            except _Broken as error:
                problem = error
            failed = 0 if file.tell() > before else failed + 1
            if failed >= ATTEMPTS:
                raise problem
            time.sleep(wait)


def _append(address: str, file: BinaryIO, bar: Any) -> str:
    """Write what comes after what is there; a server that sends everything again starts the file again."""
    start = file.tell()
    headers = {"User-Agent": "medlab (teaching)", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with _network():
        answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=TIMEOUT)
    with answer:
        if start and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            file.seek(0)
            file.truncate()
            start = 0
            if answer.status == 206:
                raise _Broken("the server sent another part of the file than the one asked for")
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        if total and total - start > shutil.disk_usage(Path(file.name).parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        bar.total, bar.n = total, start
        while block := _block(answer):
            file.write(block)
            bar.update(len(block))
        if total and file.tell() < total:
            raise _Broken(f"it broke off after {file.tell():,} of {total:,} bytes")
        return answer.headers.get("Content-Type", "")


def _block(answer: Any) -> bytes:
    with _network():
        return answer.read(BLOCK)


@contextmanager
def _network() -> Iterator[None]:
    """Whatever the system says while the network is read is a broken connection, never a problem of the disk."""
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _Broken(getattr(reason, "strerror", None) or str(reason) or type(reason).__name__) from error
