"""A service that really serves: it answers, refuses what is no HTTP, stops cleanly, and says why it can't start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest

from tests.adapters.face import RSA_KEY, jwk, question
from tools.processes import free_port


class Realm(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"keys": [jwk(RSA_KEY, "rsa")]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        return


@pytest.fixture
def realm():
    with ThreadingHTTPServer(("127.0.0.1", 0), Realm) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/realms/demo"
        server.shutdown()
        thread.join()


HANDED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


def serve(tmp_path, realm, port, *, listening=None, **variables):
    within = () if listening is None else (sys.executable, "-c", HANDED, str(listening.fileno()))
    environment = {
        **os.environ,
        "IDP_ADAPTER_ISSUERS": realm,
        "IDP_ADAPTER_DATA_DIR": str(tmp_path / "data"),
        "IDP_ADAPTER_BIND": f"127.0.0.1:{port}",
        "IDP_ADAPTER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "IDP_ADAPTER_DATABASE_BUDGET_MS": "5000",  # this machine may be busy with other tests
        **{f"IDP_ADAPTER_{name}": value for name, value in variables.items()},
    }
    return subprocess.Popen(
        [*within, sys.executable, "-m", "idp_adapter", "serve"],
        env=environment,
        pass_fds=() if listening is None else (listening.fileno(),),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until_ready(url, process):
    for _ in range(300):
        assert process.poll() is None, process.stdout.read()
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1) as response:
                return json.load(response)
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise AssertionError("the service did not get ready in 30 s")


def caller(realm, url):
    now_s = int(time.time())
    claims = {"iss": realm, "aud": url, "sub": "risk-extension", "iat": now_s, "exp": now_s + 60, "jti": "1"}
    return jwt.encode(claims, RSA_KEY, algorithm="RS256", headers={"kid": "rsa", "typ": "pep+jwt"})


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_answers_signed_decisions_and_stops_cleanly(tmp_path, realm, workers):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = serve(tmp_path, realm, port, WORKERS=workers)
    try:
        assert until_ready(url, process)["ready"] is True
        bearer = caller(realm, url)
        headers = {
            "Authorization": f"Bearer {bearer}",
            "Content-Type": "application/json",
            "Accept": "application/evaluation+jwt",
        }
        asked = urllib.request.Request(
            f"{url}/access/v1/evaluation", data=json.dumps(question()).encode(), headers=headers
        )
        for _ in range(4):
            try:
                with urllib.request.urlopen(asked, timeout=10) as response:
                    assert response.headers["Server"] == "idp-adapter"
                    signed = response.read().decode()
            except urllib.error.HTTPError as error:
                raise AssertionError(error.read()) from None
        with urllib.request.urlopen(f"{url}/.well-known/jwks.json", timeout=10) as response:
            (key,) = json.load(response)["keys"]
        claims = jwt.decode(signed, jwt.PyJWK(key), algorithms=["ES256"], audience=realm, issuer=url)
        assert claims["evaluation"]["decision"] is True
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
            text = response.read().decode()
        assert 'idp_adapter_decisions_total{action="login",answer="permit",level="LOW"} 4.0' in text
    finally:
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert '"event":"decided"' in output
    (key,) = (tmp_path / "data" / "template-keys").glob("*.key")
    assert key.read_text().strip() not in output


def test_bytes_that_are_no_http_and_bodies_without_end_are_refused(tmp_path, realm):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = serve(tmp_path, realm, port)
    try:
        until_ready(url, process)
        bearer = caller(realm, url)
        head = (
            "POST /access/v1/evaluation HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {bearer}\r\n"
        )
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for sent, status in (
            (b"GARBAGE\r\n\r\n", b"400"),
            (head.encode() + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", b"400"),
            (head.encode() + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
            (head.encode() + b"Content-Length: 70000\r\n\r\n", b"413"),
            (head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3 + b"0\r\n\r\n", b"413"),
            (b"GET /" + b"a" * 4000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
            (b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 80 + b"\r\n", b"431"),
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(sent)
                assert connection.recv(4096).split()[1] == status
    finally:
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=30)[0]
    assert "127.0.0.1" not in "".join(line for line in output.splitlines() if '"server"' in line)


def test_a_service_whose_port_is_taken_says_so_at_once(tmp_path, realm):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = serve(tmp_path, realm, port)
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 4
    assert f"The service can't start: nothing can listen on 127.0.0.1:{port}: Address already in use. End" in output


def test_a_service_that_is_handed_a_listening_socket_serves_on_it(tmp_path, realm):
    """As systemd does for a socket unit: the socket is the first descriptor after the standard ones."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        process = serve(tmp_path, realm, port, listening=listening)
        try:
            assert until_ready(f"http://127.0.0.1:{port}", process)["ready"] is True
        finally:
            process.send_signal(signal.SIGTERM)
            output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output


@pytest.mark.parametrize("workers", ["1", "2", "4"])
def test_a_service_that_can_not_start_says_why_once_and_stops(tmp_path, realm, workers):
    process = serve(tmp_path, realm, free_port(), DATABASE_URL="sqlite:////nowhere/risk.sqlite3", WORKERS=workers)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 4
    assert output.count("The service can't start: ") == 1
    assert "Traceback" not in output


@pytest.mark.parametrize("workers", ["1", "4"])
def test_a_service_that_can_not_start_stops_where_nobody_reads_why(tmp_path, realm, workers):
    process = serve(tmp_path, realm, free_port(), DATABASE_URL="sqlite:////nowhere/risk.sqlite3", WORKERS=workers)
    process.stdout.close()
    try:
        assert process.wait(timeout=60) == 4
    finally:
        process.kill()


def test_a_service_whose_lines_nobody_reads_serves_and_stops_cleanly(tmp_path, realm):
    port = free_port()
    process = serve(tmp_path, realm, port)
    process.stdout.close()
    try:
        assert until_ready(f"http://127.0.0.1:{port}", process)["ready"] is True
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
