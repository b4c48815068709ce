"""Fetching a realm's keys over real sockets: bounded in time and size whatever the other side does."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from idp_adapter.adapters import jose_jwks
from idp_adapter.adapters.jose_jwks import KeySets, fetch_bounded
from idp_adapter.errors import Unavailable
from tests.adapters.face import RSA_KEY, jwk

BODY = json.dumps({"keys": [jwk(RSA_KEY, "rsa")]}).encode()
SLACK_S = 1.5  # a loaded machine


@contextmanager
def realm(answer):
    """A server on this machine that treats each connection as `answer(connection)` does."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        threads = []

        def serve_one(connection):
            with connection:
                try:
                    answer(connection, ended)
                except OSError:
                    return

        def serve():
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                connection.settimeout(5)
                threads.append(threading.Thread(target=serve_one, args=(connection,)))
                threads[-1].start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/certs"
        finally:
            ended.set()
            thread.join()
            for one in threads:
                one.join()


def whole(body=BODY, status="200 OK", headers=""):
    def answer(connection, ended):
        connection.recv(4096)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        connection.sendall(head.encode() + body)

    return answer


def dripping(head):
    def answer(connection, ended):
        connection.recv(4096)
        connection.sendall(head)
        while not ended.wait(0.05):
            connection.sendall(b"x")

    return answer


def silent(connection, ended):
    ended.wait(10)


def endless(connection, ended):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not ended.is_set():
        connection.sendall(b"x" * 65536)


def test_a_good_answer_is_taken():
    with realm(whole()) as url:
        assert fetch_bounded(url) == BODY


@pytest.mark.parametrize(
    "answer",
    [
        silent,
        dripping(b""),
        dripping(b"HTTP/1.1 200 OK\r\nX: "),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\n\r\n"),
    ],
    ids=["silent", "status drips", "header drips", "body drips", "chunk drips", "endless body drips"],
)
def test_whatever_drips_ends_at_the_budget(answer):
    with realm(answer) as url:
        started = time.monotonic()
        with pytest.raises(OSError, match="no whole answer"):
            fetch_bounded(url)
        assert time.monotonic() - started < jose_jwks.BUDGET_S + SLACK_S


@pytest.mark.parametrize(
    "answer",
    [
        whole(status="500 Internal Server Error"),
        whole(status="302 Found", headers="Location: http://127.0.0.1:1/\r\n"),
        whole(status="204 No Content", body=b""),
        whole(body=b"x" * (jose_jwks.MAX_BYTES + 1)),
        endless,
        lambda connection, ended: connection.sendall(b"SSH-2.0-OpenSSH\r\n"),
        lambda connection, ended: None,
    ],
    ids=["500", "redirect", "204", "too long", "endless", "another protocol", "closed"],
)
def test_any_other_answer_is_an_error(answer):
    with realm(answer) as url, pytest.raises(OSError):  # noqa: PT011 - any of its kinds
        fetch_bounded(url)


def test_a_problem_is_told_once_in_plain_words():
    with realm(whole(status="500 Internal Server Error")) as url:
        sets = KeySets({"r": url}, timer=time.monotonic)
        with pytest.raises(Unavailable):
            sets.find("r", "rsa")
        assert sets.problems() == {"r": "answered 500"}


def test_a_refused_connection_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(OSError, match="refused"):
        fetch_bounded(f"http://127.0.0.1:{port}/")
    assert time.monotonic() - started < SLACK_S


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [], "keys": []}', json.dumps({"keys": [{}] * 65}).encode()]
)
def test_what_is_no_key_set_is_unavailable(body):
    sets = KeySets({"r": "u"}, timer=time.monotonic, fetch=lambda url: body)
    with pytest.raises(Unavailable, match="not a JWK set"):
        sets.find("r", "rsa")
    assert "r" in sets.problems()


def test_many_callers_make_one_fetch_and_all_get_the_key():
    fetched = []

    def fetch(url):
        fetched.append(url)
        time.sleep(0.2)
        return BODY

    sets = KeySets({"r": "u"}, timer=time.monotonic, fetch=fetch)
    found = []
    threads = [threading.Thread(target=lambda: found.append(sets.find("r", "rsa"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == ["u"]
    assert len([key for key in found if key is not None]) == 12
    assert sets.problems() == {}


def test_nobody_waits_for_a_hung_fetch_past_the_budget_and_later_callers_not_at_all():
    release = threading.Event()

    def fetch(url):
        release.wait(10)
        raise OSError("gone")

    sets = KeySets({"r": "u"}, timer=time.monotonic, fetch=fetch)
    try:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            sets.find("r", "rsa")
        assert time.monotonic() - started < jose_jwks.BUDGET_S + SLACK_S
        started = time.monotonic()
        for _ in range(20):
            with pytest.raises(Unavailable):
                sets.find("r", "rsa")
        assert time.monotonic() - started < 0.5
    finally:
        release.set()


def test_a_known_key_is_used_while_its_set_is_renewed_beside():
    now = [0.0]
    slow = threading.Event()

    def fetch(url):
        if now[0] > 0:
            slow.wait(5)
        return BODY

    sets = KeySets({"r": "u"}, timer=lambda: now[0], fetch=fetch)
    assert sets.find("r", "rsa") is not None
    now[0] = jose_jwks.FRESH_S + 1
    started = time.monotonic()
    assert sets.find("r", "rsa") is not None
    assert time.monotonic() - started < 0.5
    slow.set()


def test_keys_are_not_trusted_for_ever_without_their_realm():
    now = [0.0]
    answers = iter([BODY])

    def fetch(url):
        return next(answers, b"")

    sets = KeySets({"r": "u"}, timer=lambda: now[0], fetch=fetch)
    assert sets.find("r", "rsa") is not None
    now[0] = jose_jwks.STALE_S + 1
    with pytest.raises(Unavailable):
        sets.find("r", "rsa")
