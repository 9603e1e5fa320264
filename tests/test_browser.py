"""In a real browser: a lesson in JupyterLab with its slider, and report pages without a network."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest

from medlab.__main__ import main
from tests import notebooks
from tests.test_report import FIGURE, MATH, PROGRESS, TABLE

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LESSON = "01_reading_medical_images.ipynb"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@contextmanager
def jupyterlab(folder, settings):
    """A server of its own on loopback, with settings of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(settings / name.lower()) for name in names}
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}",
        "--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True", "--allow-root",
    ]  # fmt: skip
    with open(settings / "server.log", "wb") as log, subprocess.Popen(command, env=environment, stderr=log) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, server, settings / "server.log")
            yield address
        finally:
            server.terminate()


def wait_for(address, server, log, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            return urllib.request.urlopen(f"{address}/api", timeout=5).read()
        except OSError:
            time.sleep(0.3)
    raise AssertionError(log.read_text())


READY = """() => {
    const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel?.connectionStatus === 'connected'
        && session.session.kernel.status === 'idle';
}"""


def test_lesson_01_runs_in_jupyterlab_and_its_slider_turns(browser, tmp_path):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "settings").mkdir()
    shutil.copy(notebooks.REPOSITORY / "notebooks" / LESSON, tmp_path / "lessons")
    with jupyterlab(tmp_path / "lessons", tmp_path / "settings") as address:
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.goto(f"{address}/lab/tree/{LESSON}?reset")
        page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell", timeout=60_000)
        page.wait_for_function(READY, timeout=60_000)
        page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function(READY, timeout=60_000)
        errors = page.evaluate(
            """() => {
                const cells = window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells;
                return cells.flatMap(c => c.cell_type === 'code' ? c.getOutputs() : [])
                    .filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue);
            }"""
        )
        assert errors == []
        explorer = first_explorer(page)
        handle, readout, picture = (
            explorer.locator(part).first for part in (".noUi-handle", ".widget-readout", ".widget-output img")
        )
        picture.wait_for(timeout=30_000)
        number, drawn = readout.inner_text(), picture.get_attribute("src")
        handle.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "([image, before]) => image.isConnected ? image.src !== before : true",
            arg=[picture.element_handle(), drawn],
            timeout=30_000,
        )
        assert readout.inner_text() != number
        assert explorer.locator(".widget-output img").first.get_attribute("src") != drawn
        page.close()


def first_explorer(page):
    """The first explorer, scrolled into view: JupyterLab keeps hidden what is out of sight."""
    explorer = page.locator(".widget-vbox:has(.widget-slider)").first
    to_cell = """() => {
        const notebook = window.jupyterapp.shell.currentWidget.content;
        const cells = notebook.model.sharedModel.cells;
        const index = cells.findIndex(cell => cell.getSource().includes('widgets.explore('));
        notebook.activeCellIndex = index;
        return notebook.scrollToItem(index, 'start').catch(() => null);
    }"""
    for _ in range(60):
        page.evaluate(to_cell)
        page.wait_for_timeout(300)
        if explorer.count() and explorer.is_visible():
            return explorer
    raise AssertionError("no explorer in the lesson")


def test_report_pages_are_complete_without_a_network(browser, tmp_path):
    book = notebooks.write(tmp_path, "b", "#! # 1 · A lesson", FIGURE, MATH, TABLE, PROGRESS)
    assert main(["report", str(book), "--out", str(tmp_path / "out")]) == 0
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for name in ("b.html", "index.html"):
        page.goto((tmp_path / "out" / name).as_uri())
        assert page.evaluate("() => [...document.images].every(i => i.complete && i.naturalWidth > 50 && i.alt)")
        assert page.locator("img").count() == 1
    page.goto((tmp_path / "out" / "b.html").as_uri())
    fraction = page.locator("mfrac").bounding_box()
    assert fraction["height"] > 20  # drawn as a fraction, one above the other
    assert page.locator("table").is_visible()
    assert page.get_by_text("reading: 100%").is_visible()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    context.close()
