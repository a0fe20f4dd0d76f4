"""Chromium for the tests of pages: how it is found and started, and pages whose complaints and requests are kept."""

import os
import shutil
from contextlib import contextmanager

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install playwright)")
EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if EXECUTABLE is None:
    pytest.skip("no chromium here (Debian: apt-get install chromium)", allow_module_level=True)

QUIET = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")


@contextmanager
def started(*arguments: str):
    """A browser with these command line arguments besides."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*QUIET, *arguments, *sandbox])
        yield browser
        browser.close()


@contextmanager
def watched(browser):
    """A function (address, device, script) -> page in a fresh profile, with the `complaints` and `requests` of all."""
    contexts = []

    def opened(address: str, device: dict, script: str | None = None):
        context = browser.new_context(**device)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        context.on("request", lambda request: opened.requests.append(request.url))
        context.on("console", lambda message: opened.complaints.append(message.text))
        context.on("weberror", lambda error: opened.complaints.append(str(error.error)))
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto(address)
        return page

    opened.complaints, opened.requests = [], []
    yield opened
    for context in contexts:
        context.close()
