"""Fetch one file safely: resumed when the connection breaks, checked by its sum, there whole or not at all."""

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

ATTEMPTS = 6  # in a row without a single new byte
TIMEOUT = 30  # seconds without an answer
BLOCK = 1 << 18
BUSY = (408, 425, 429, 500, 502, 503, 504)  # the server may answer later


class DownloadError(OSError):
    """A file that could not be fetched; the message says why, where to get it by hand and where to put it."""


class _Broken(Exception):
    """The connection ended early; the next attempt goes on from there."""


NO_CONNECTION = (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, _Broken)


def fetch(address: str, path: Path, *, md5: str, page: str = "", progress: bool = False) -> Path:
    """Download a file that is not there yet; if that fails, nothing is at `path`.

    What has arrived is kept beside `path` under a name that ends in `.part`, and a later call goes on from there.

    Args:
        address: Where it is.
        path: Where to put it; its folder is made if its parent exists.
        md5: Checksum that it must have, in hexadecimal; a file with another is deleted.
        page: Page on which a person finds the file; `address` where empty.
        progress: Show a bar.

    Raises:
        DownloadError: If it cannot be fetched, saved or trusted.
    """
    by_hand = f"By hand: get {path.name} from {page or address} and put it into {path.parent}"
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(exist_ok=True)
        open(part, "ab").close()
    except OSError as error:
        raise DownloadError(
            f"{path.name}: cannot be saved into {path.parent} ({_reason(error)}); "
            f"name a folder that you may write to, with folder= or MEDLAB_DATA. {by_hand}"
        ) from error
    with _alone(path.parent), _explained(path, part, address, by_hand):
        if path.exists():  # another process was faster
            part.unlink(missing_ok=True)
            return path
        open(part, "ab").close()
        old = part.stat().st_size > 0
        kind = _all(address, part, progress=progress)
        found = file_md5(part)
        if found != md5 and old:  # the beginning may be of another file: once more, from the start
            os.truncate(part, 0)
            kind = _all(address, part, progress=progress)
            found = file_md5(part)
        if found != md5:
            part.unlink()
            page_instead = "; a web page came instead, perhaps that of a log-in or a proxy" if "html" in kind else ""
            raise DownloadError(
                f"{path.name}: what came has the MD5 {found}, expected was {md5}{page_instead}; it was deleted. "
                f"Try again. {by_hand}"
            )
        os.replace(part, path)
    return path


def file_md5(path: Path) -> str:
    """MD5 of a file in hexadecimal, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


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


@contextmanager
def _explained(path: Path, part: Path, address: str, by_hand: str) -> Iterator[None]:
    """Turn what goes wrong into a DownloadError that says what to do; leave no empty file."""
    try:
        yield
    except DownloadError:
        raise
    except urllib.error.HTTPError as error:
        hint = "the file has moved or is not public" if error.code in (401, 403, 404, 410) else "try again later"
        raise DownloadError(
            f"{path.name}: {address} answered {error.code} {error.reason}; {hint}. {by_hand}"
        ) from error
    except NO_CONNECTION as error:
        raise DownloadError(
            f"{path.name}: no connection to {address} ({_reason(error)}); is there a network? "
            f"What has arrived is kept, the next try goes on from there. {by_hand}"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            part.unlink(missing_ok=True)  # what fills a disk helps nobody
            raise DownloadError(
                f"{path.name}: the disk is full; make room at {path.parent}, "
                f"or name another folder with folder= or MEDLAB_DATA. {by_hand}"
            ) from error
        raise DownloadError(f"{path.name}: cannot be saved into {path.parent} ({_reason(error)}). {by_hand}") from error
    finally:
        if part.exists() and part.stat().st_size == 0:
            part.unlink()


def _all(address: str, part: Path, *, progress: bool) -> str:
    """Ask again and again for what is missing until the file is whole; the kind of content that the server named."""
    failed, bar = 0, None
    try:
        while True:
            before = part.stat().st_size
            wait = 0.2 * 2**failed
            try:
                with _open(address, before) as answer:
                    if progress and bar is None:
                        from tqdm.auto import tqdm

                        bar = tqdm(unit="B", unit_scale=True, unit_divisor=1000, desc=part.name[1:-5])
                    _append(answer, part, before, bar)
                    return answer.headers.get("Content-Type", "")
            except urllib.error.HTTPError as error:
                if error.code == 416:  # nothing after what is there: whole, or longer than the file ever was
                    if error.headers.get("Content-Range", "") == f"bytes */{before}":
                        return ""
                    os.truncate(part, 0)
                elif error.code not in BUSY:
                    raise
                wait, problem = max(wait, _asked_to_wait(error)), error
            except NO_CONNECTION as error:
                problem = error
            failed = 0 if part.stat().st_size > before else failed + 1
            if failed >= ATTEMPTS:
                raise problem
            time.sleep(wait)
    finally:
        if bar is not None:
            bar.close()


def _open(address: str, start: int):
    headers = {"User-Agent": "medlab (teaching)", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with _network():
        return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=TIMEOUT)


@contextmanager
def _network() -> Iterator[None]:
    """Whatever the system says while the network is read is a broken connection, never a problem of the disk."""
    try:
        yield
    except urllib.error.URLError:
        raise
    except OSError as error:
        raise _Broken(_reason(error)) from error


def _block(answer) -> bytes:
    with _network():
        return answer.read(BLOCK)


def _append(answer, part: Path, start: int, bar) -> None:
    """Write what comes; a server that sends everything again starts the file again."""
    came_from = answer.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    if answer.status != 206 or came_from != str(start):
        os.truncate(part, 0)
        start = 0
        if answer.status == 206:
            raise _Broken("the server sent another part of the file than the one asked for")
    length = answer.headers.get("Content-Length")
    total = start + int(length) if length else None
    if total and total - start > shutil.disk_usage(part.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if bar is not None:
        bar.total, bar.n = total, start
        bar.refresh()
    with open(part, "ab") as file:
        while block := _block(answer):
            file.write(block)
            if bar is not None:
                bar.update(len(block))
        arrived = file.tell()
    if total and arrived < total:
        raise _Broken(f"it broke off after {arrived:,} of {total:,} bytes")


def _asked_to_wait(error: urllib.error.HTTPError) -> float:
    """Seconds that a busy server asks for, a minute at most."""
    said = error.headers.get("Retry-After", "")
    return min(float(said), 60.0) if said.isdigit() else 0.0


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", error)
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
