"""Key sets published on this machine, as realms and device management publish theirs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tools.processes import LOOPBACK


@contextmanager
def published(keys: Mapping[str, Sequence[Mapping[str, Any]]], *, port: int = 0) -> Iterator[str]:
    """Answer for the JWKs of each path while the block runs, with 404 elsewhere; the address without a path."""
    sets = {path: json.dumps({"keys": list(jwks)}).encode() for path, jwks in keys.items()}

    class Publisher(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = sets.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the library
            pass

    server = ThreadingHTTPServer((LOOPBACK, port), Publisher)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
