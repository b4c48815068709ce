"""A proxy before two nodes that a test points to either; it balances nothing."""

from __future__ import annotations

import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tools.processes import LOOPBACK

_OF_ONE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


class Switch:
    """Listens on `port` and hands everything to `target`, a URL."""

    def __init__(self, port: int) -> None:
        self.target = ""
        self._server = _Server((LOOPBACK, port), self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], switch: Switch) -> None:
        self.switch = switch
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        node = HTTPConnection(str(urlsplit(self.server.switch.target).netloc), timeout=30)
        try:
            node.request(self.command, self.path, body or None, dict(self.headers))
            answer = node.getresponse()
            content = answer.read()
        finally:
            node.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 - the base class looks for these names
