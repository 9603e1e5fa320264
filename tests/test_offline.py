"""A lesson runs where there is no network at all: a namespace with nothing but loopback."""

import json
import shutil
import subprocess
import sys

import pytest

from tests import notebooks

LOOPBACK_UP = """
import fcntl, runpy, socket, struct, sys
with socket.socket() as s:  # a new namespace has a loopback that is down
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
    sys.exit("there is a network here")
except OSError:
    pass
sys.argv = ["medlab", *sys.argv[1:]]
runpy.run_module("medlab", run_name="__main__")
"""
UNSHARE = ["unshare", "--net", "--map-root-user"]


def no_namespaces() -> bool:
    return shutil.which("unshare") is None or subprocess.run([*UNSHARE, "true"], capture_output=True).returncode != 0


@pytest.mark.skipif(no_namespaces(), reason="this system makes no network namespaces")
def test_a_lesson_runs_without_a_network(tmp_path):
    lesson = "01_reading_medical_images"  # reads every kind of file; the machinery is the same for all
    command = [*UNSHARE, sys.executable, "-c", LOOPBACK_UP, "report", lesson, "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=notebooks.REPOSITORY, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["lessons"]
    assert results[lesson]["ok"]
