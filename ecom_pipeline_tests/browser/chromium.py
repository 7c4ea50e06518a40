"""The browser that is on this machine, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")

# Without these it looks for its maker's servers, and waits for a network that may be closed.
_ALONE = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
# For root and in containers, where Chromium's sandbox does not start; it opens our pages alone.
_AS_ROOT = ("--no-sandbox", "--disable-gpu")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts the browser, without a window and with a new profile, and ends it after the block."""
    paths = [path for name in _NAMES if (path := shutil.which(name))]
    assert paths, f"none of {', '.join(_NAMES)} is on the PATH: `make browser` installs one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=paths[0], args=[*_ALONE, *_AS_ROOT])
        try:
            yield browser
        finally:
            browser.close()
