"""The demo app: three lines of it protect `/payout`, the rest shows what the tokens say."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

import flask
from flask import Flask, g, render_template, request, session
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from examples.demo_app.words import Facts, facts
from idp_adapter.relying_party import InvalidToken, KeysUnavailable
from idp_adapter.relying_party.web import Login, RefreshRefused, RelyingParty, SignInFailed, StepUpFailed

MFA = "urn:idp-adapter:acr:mfa"
SHOWN = (("Strength", "acr_title"), ("Risk", "risk"), ("Access token", "access"), ("Refresh token", "refresh"))


def create_app(
    *,
    issuer: str,
    client_id: str,
    client_secret: str | None,
    app_url: str | None = None,
    metadata_url: str | None = None,
) -> Flask:
    """The app for one client of one issuer. Its sessions end with the process."""
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    rp = RelyingParty(
        app,
        issuer=issuer,
        client_id=client_id,
        client_secret=client_secret,
        app_url=app_url,
        metadata_url=metadata_url,
    )
    app.config["SESSION_COOKIE_NAME"] = "demo_app"
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024

    @app.get("/")
    def home() -> ResponseReturnValue:
        login = rp.login
        if login is None:
            return render_template("welcome.html")
        return render_template(
            "home.html",
            facts=facts_of(login),
            raw={"ID token": pretty(login.claims), "Access token": access_claims(rp, login)},
            refreshed=session.pop("refreshed", None),
            shown=SHOWN,
        )

    @app.route("/payout", methods=["GET", "POST"])
    @rp.require_acr(MFA)
    def payout() -> ResponseReturnValue:
        if "Authorization" in request.headers:
            return {"paid": request.method == "POST", "acr": g.claims["acr"]}
        if request.method == "POST":
            rp.check_csrf()
        return render_template("payout.html", paid=request.method == "POST", acr=g.claims["acr"])

    @app.post("/refresh")
    def refresh() -> ResponseReturnValue:
        rp.check_csrf()
        login = rp.login
        if login is None:
            return flask.redirect("/")
        before = dataclasses.asdict(facts_of(login))
        try:
            after = dataclasses.asdict(facts_of(rp.refresh()))
            session["refreshed"] = {"before": before, "after": after}
        except RefreshRefused as refused:
            session["refreshed"] = {"before": before, "refused": f"{refused.error} {refused.description}".strip()}
        return flask.redirect("/", 303)

    app.register_error_handler(HTTPException, problem)
    app.after_request(hardening(issuer))
    return app


def problem(error: HTTPException) -> ResponseReturnValue:
    """A page for whatever went wrong, with the way on."""
    again = flask.url_for("login", next="/payout", acr=MFA) if isinstance(error, StepUpFailed) else None
    code = error.error if isinstance(error, SignInFailed) else ""
    page = render_template("problem.html", problem=error, again=again, code=code)
    return page, error.code or 500, [header for header in error.get_headers() if header[0] == "Retry-After"]


def hardening(issuer: str) -> Callable[[flask.Response], flask.Response]:
    """Headers for every answer: nothing from elsewhere, in no frame, in no cache."""
    # A browser applies form-action to where a form's answer redirects, too: logging out goes on to the issuer.
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(issuer))
    policy = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {origin}"
    )

    def harden(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    return harden


def facts_of(login: Login) -> Facts:
    """A login's facts, for a person."""
    return facts(login.claims, access_s=login.expires_in_s, refresh_s=login.refresh_expires_in_s)


def access_claims(rp: RelyingParty, login: Login) -> str:
    """The access token's claims as text, or why they can't be shown."""
    try:
        return pretty(rp.verifier.verify_access_token(login.access_token))
    except InvalidToken as problem:
        return f"{problem}."
    except KeysUnavailable:
        return "The sign-in service can not be reached, so this token can not be verified."


def pretty(claims: object) -> str:
    """JSON text that a person can read."""
    return json.dumps(claims, indent=2, ensure_ascii=False)
