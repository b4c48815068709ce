"""Threads that stay with a connection: the next request comes sooner, and nobody waits for it."""

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import time

import pytest

SERVER = """
import sys, threading
from idp_adapter.adapters.http.server import Server

class Application:
    def __call__(self, environ, start_response):
        body = str(threading.get_ident()).encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    def close(self):
        pass

Server(Application, bind=sys.argv[1], workers=1, threads=int(sys.argv[2])).run()
"""


@contextlib.contextmanager
def serving(threads):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER, f"127.0.0.1:{port}", str(threads)])
    try:
        until_up(port, process)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def until_up(port, process):
    for _ in range(200):
        assert process.poll() is None
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def connected(port):
    return contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=3))


def ask(connection):
    connection.request("GET", "/")
    return connection.getresponse().read()


def test_requests_of_one_connection_stay_on_one_thread():
    with serving(threads=8) as (port, _), connected(port) as one, connected(port) as other:
        mine, theirs = set(), set()
        for _ in range(5):
            mine.add(ask(one))
            theirs.add(ask(other))
        assert len(mine) == len(theirs) == 1
        assert mine != theirs


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_more_kept_connections_than_threads_are_all_served_at_once(threads):
    with serving(threads) as (port, _), contextlib.ExitStack() as stack:
        kept = [stack.enter_context(connected(port)) for _ in range(threads * 3)]
        begun = time.monotonic()
        for connection in [*kept, *kept, *reversed(kept)]:
            assert ask(connection)
        assert time.monotonic() - begun < 2


def test_a_connection_that_closes_sets_its_thread_free():
    with serving(threads=2) as (port, _):
        for _ in range(6):
            with connected(port) as connection:
                assert ask(connection)
                assert ask(connection)


def test_a_thread_that_stays_does_not_hold_up_the_end():
    with serving(threads=4) as (port, process), connected(port) as connection:
        assert ask(connection)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        assert time.monotonic() - begun < 5
