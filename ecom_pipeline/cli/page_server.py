"""The report page over HTTP, and nothing else of its directory."""

import io
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from ecom_pipeline.cli.output import tell
from ecom_pipeline.config.hosts import LOOPBACK, is_this_machine


class AddressRefused(Exception):
    """The address cannot be listened at; the message names it and says why."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        super().__init__(f"cannot listen at {address}: {reason}; name another port")


def serve_page(file: Path, address: str) -> None:
    """Answers every request with the page as it is then, until the process is ended.

    Args:
        file: The page, which need not be there yet.
        address: [HOST:]PORT to listen at; without a host, for this machine alone.

    Raises:
        AddressRefused: The address is in use, not this machine's, or none.
    """

    class Page(SimpleHTTPRequestHandler):
        error_message_format = "%(code)d: %(message)s.\n"
        error_content_type = "text/plain"

        def translate_path(self, path: str) -> str:  # noqa: ARG002 - there is one page
            return str(file)

        def send_head(self) -> io.BytesIO | BinaryIO | None:
            # Who named another host to listen at may be asked for by any name.
            if host in ("", LOOPBACK) and not is_this_machine(self.headers.get("Host")):
                self.send_error(HTTPStatus.FORBIDDEN, f"Ask for {LOOPBACK} or localhost")
            elif not file.exists():
                hint = "There is no report page yet: materialize the asset sales_report"
                self.send_error(HTTPStatus.NOT_FOUND, hint)
            else:
                return super().send_head()
            return None

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Who reads what is nobody's business."""

    host, _, port = address.rpartition(":")
    try:
        server = ThreadingHTTPServer((host or LOOPBACK, int(port)), Page)
    except (OSError, ValueError, OverflowError) as error:
        raise AddressRefused(address, getattr(error, "strerror", None) or str(error)) from None
    tell(f"The report page is on http://{host or LOOPBACK}:{port}", error=True)
    with server:
        server.serve_forever()
