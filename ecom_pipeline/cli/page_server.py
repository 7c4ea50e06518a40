"""The report page over HTTP, and nothing else of its directory."""

from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from ecom_pipeline.cli.output import tell

_LOOPBACK: Final = "127.0.0.1"


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
        error_message_format = (
            "%(code)d: %(message)s. The asset sales_report makes the page: materialize it.\n"
        )
        error_content_type = "text/plain"

        def translate_path(self, path: str) -> str:  # noqa: ARG002 - there is one page
            return str(file)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Who reads what is nobody's business."""

    host, _, port = address.rpartition(":")
    try:
        server = ThreadingHTTPServer((host or _LOOPBACK, int(port)), Page)
    except (OSError, ValueError, OverflowError) as error:
        raise AddressRefused(address, getattr(error, "strerror", None) or str(error)) from None
    tell(f"The report page is on http://{host or _LOOPBACK}:{port}", error=True)
    with server:
        server.serve_forever()
