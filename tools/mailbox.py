"""A mailbox for tests and demo: takes every mail that Keycloak sends, keeps it in memory, delivers none."""

from __future__ import annotations

import email
import email.policy
import re
import socketserver
import threading
import time
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: to whom, and its plain text."""

    to: str
    subject: str
    text: str

    @property
    def link(self) -> str:
        """The first link in it."""
        found = re.search(r"https?://\S+", self.text)
        if not found:
            raise AssertionError(f"no link in the mail to {self.to}")
        return found[0]


class Mailbox:
    """An SMTP server on loopback."""

    def __init__(self, port: int) -> None:
        self.mails: list[Mail] = []
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Mailbox:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, to: str, timeout_s: float = 5) -> Mail:
        """Return the newest mail to an address, waiting for one."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for mail in reversed(self.mails):
                if mail.to == to:
                    return mail
            time.sleep(0.05)
        raise AssertionError(f"no mail to {to} came within {timeout_s:.0f} s")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        super().__init__(address, _Session)


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self._say("220 mailbox")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                self._say("221 bye")
                return
            if verb == b"DATA":
                self._say("354 go on")
                self._take()
            self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        body = message.get_body(("plain", "html"))
        text = body.get_content() if body else ""
        self.server.mailbox.mails.append(Mail(str(message["To"]), str(message["Subject"]), text))
