"""Log lines are JSON about requests and decisions, and hold nothing of a person."""

from __future__ import annotations

import errno
import io
import json
import logging

from idp_adapter.adapters.logs import Log, ServerLines
from tests.adapters.face import NOW, make_face, question, token
from tests.support.records import DECISION


def test_a_full_cycle_logs_nothing_personal(tmp_path):
    face = make_face(tmp_path)
    body = question()
    telemetry = json.dumps({"v": 1, "challenge": "nope", "fields": [{"name": "username", "keys": [[0.0, 81.2]]}]})
    body["context"]["telemetry"] = telemetry
    body["context"]["session"]["sid"] = "session-4711"
    good = token()
    decision_id = face.ask(body, bearer=good).json["context"]["decision_id"]
    face.post("/v1/outcomes", {"outcomes": [{
        "id": "outcome-1", "type": "login_succeeded", "time": "2026-11-21T08:00:01Z", "decision_id": decision_id,
        "subject": body["subject"], "network": body["context"]["network"],
    }]})  # fmt: skip
    face.ask({**body, "subject": {"type": "user", "id": 7}})
    face.ask(json.dumps(body).encode()[:-9])
    face.ask(body, bearer=good[:-8])
    face.parts.decider.store.close()
    face.ask(body)
    written = face.log.getvalue().decode()
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["event"] for line in lines].count("decided") == 1
    assert [line["event"] for line in lines].count("refused") >= 4
    network = body["context"]["network"]
    for personal in (
        body["subject"]["id"], network["ip"], network["user_agent"], "Chrome", "Mozilla", network["accept_language"],
        body["context"]["device"]["cookie_id"], "session-4711", "81.2", "telemetry_challenge", good, good[-40:],
        body["context"]["telemetry_challenge"], "/branch/paris", "teller",
    ):  # fmt: skip
        assert personal not in written


def test_lines_belong_to_their_request(tmp_path):
    face = make_face(tmp_path)
    face.ask(question(), X_Request_ID="first")
    face.ask([], X_Request_ID="second")
    lines = [json.loads(line) for line in face.log.getvalue().splitlines()]
    assert [(line["event"], line["request_id"]) for line in lines] == [("decided", "first"), ("refused", "second")]
    decided = lines[0]
    assert decided["hook"] == "login"
    assert decided["risk"] == "LOW"
    assert decided["answer"] == "permit"
    assert decided["level"] == "info"
    assert decided["time"].startswith("2026-11-21T08:00:00")
    face.store.close()


def test_a_refresh_that_is_refused_is_logged_as_refused():
    stream = io.BytesIO()
    for hook in ("refresh", "login"):
        Log(stream, level="info", now=lambda: NOW).decided(DECISION, issuer="x", hook=hook, seconds=0.001)
    assert [json.loads(line)["answer"] for line in stream.getvalue().splitlines()] == ["refuse", "step_up"]


def test_lines_below_the_level_are_not_written():
    stream = io.BytesIO()
    log = Log(stream, level="error", now=lambda: NOW)
    log.started(public_url="x", policy="y", notes=[])
    log.refused(status=400, code="x", detail="y")
    assert stream.getvalue() == b""
    log.failed(error="X", where=[])
    assert json.loads(stream.getvalue())["event"] == "failed"


class Disk(io.RawIOBase):
    """One that is full until it is not."""

    def __init__(self) -> None:
        self.is_full, self.held = True, b""

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.held += bytes(data)
        return len(data)


def test_lines_that_can_not_be_written_are_lost_and_harm_nobody(tmp_path):
    disk = Disk()
    log = Log(io.BufferedWriter(disk), level="info", now=lambda: NOW)
    face = make_face(tmp_path, log=log)
    assert [face.ask(question()).status_code for _ in range(50)] == [200] * 50
    assert face.client.get("/nowhere").status_code == 404
    disk.is_full = False
    face.ask(question())
    assert json.loads(disk.held.splitlines()[-1])["event"] == "decided"


def test_a_retention_run_that_deleted_nothing_is_silent():
    stream = io.BytesIO()
    log = Log(stream, level="info", now=lambda: NOW)
    log.retained({"decisions": 0})
    assert stream.getvalue() == b""
    log.retained({"decisions": 3})
    assert json.loads(stream.getvalue())["decisions"] == 3


def test_the_servers_own_lines_are_json_and_quote_no_address():
    def line(message, **more):
        record = logging.LogRecord("gunicorn.error", logging.WARNING, "x.py", 1, message, (), more.get("error"))
        return json.loads(ServerLines().format(record))

    assert line("Worker exiting")["detail"] == "Worker exiting"
    assert line("Invalid request from ip=203.0.113.7: GET /x\n203.0.113.7")["detail"] == "Invalid request"
    failed = line("Error handling request /x", error=(ValueError, ValueError("203.0.113.7"), None))
    assert failed["error"] == "ValueError"
    assert "203.0" not in json.dumps(failed)
