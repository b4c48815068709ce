"""Whether a server answers: servers that are told how to, on real sockets."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from tools.processes import LOOPBACK, answers, free_port


@contextmanager
def server(parts: Iterable[bytes], *, every_s: float = 0) -> Iterator[str]:
    """Answer one request with these parts, with a pause after each, and close the connection."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            asked = connection.recv(4096)
            asked_for.append(asked.split()[1])
            for part in parts:
                try:
                    connection.sendall(part)
                except OSError:  # it was given up
                    return
                time.sleep(every_s)

    asked_for: list[bytes] = []
    with socket.create_server((LOOPBACK, 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}"
        thread.join(5)
    assert not thread.is_alive()
    assert asked_for == [b"/readyz?quick"]


@pytest.mark.parametrize(
    ("parts", "good"),
    [
        ([b"HTTP/1.1 200 OK\r\n\r\n{}"], True),
        ([b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n"], True),
        ([b"H", b"TTP/1.0 2", b"00 OK\r\n\r\n", b"x" * 100_000], True),
        ([b"HTTP/1.1 404 Not Found\r\n\r\n"], False),
        ([b"HTTP/1.1 503 Service Unavailable\r\n\r\n"], False),
        ([b"SSH-2.0-x\r\n"], False),
        ([b"HTTP/1.1 20"], False),
        ([], False),
    ],
)
def test_a_server_answers_where_it_says_success_or_where_else_to_go(parts, good):
    with server(parts, every_s=0.01) as url:
        assert answers(f"{url}/readyz?quick", 2) is good


def test_nobody_answers_where_nothing_listens():
    assert not answers(f"http://{LOOPBACK}:{free_port()}")


@pytest.mark.parametrize("every_s", [0.01, 0])
def test_a_server_that_never_ends_its_answer_costs_the_time_budget_and_no_more(every_s):
    endless = itertools.chain([b"HTTP/1.1 200 OK\r\n\r\n"], itertools.repeat(b"x"))
    with server(endless, every_s=every_s) as url:
        begun = time.monotonic()
        assert not answers(f"{url}/readyz?quick", 0.2)
        assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1:80/", "https://127.0.0.1:80/", "http://127.0.0.1/", "http://127.0.0.1@192.0.2.1:80/"]
)
def test_a_server_on_another_machine_is_not_asked(url):
    with pytest.raises(ValueError, match="not on this machine"):
        answers(url)
