"""A Flask extension: code flow with PKCE by Authlib, and views that demand an `acr`.

A browser without the demanded `acr` is sent to log in again with `acr_values`, once: what comes back too weak meets a
page, not another redirect. A call with a bearer token meets the RFC 9470 challenge. Tokens stay on the server, in a
bounded store; the browser holds a signed cookie with a random id.
"""

from __future__ import annotations

import functools
import hmac
import json
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, ParamSpec
from urllib.parse import urlencode

import flask
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import g, request, session
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, Forbidden, ServiceUnavailable

from idp_adapter.relying_party.acr import LADDER, Demand, StepUpRequired, acr_satisfies, demand
from idp_adapter.relying_party.keys import TIMEOUT_S, KeysUnavailable, RealmKeys
from idp_adapter.relying_party.store import BoundedStore
from idp_adapter.relying_party.tokens import InvalidToken, TokenVerifier, bearer_challenge

PENDING_S = 900
LOGIN_S = 12 * 3600
SKEW_S = 10  # between this clock and the provider's
SESSION_KEY = "relying_party_login"
CSRF_KEY = "relying_party_csrf"
P = ParamSpec("P")


class SignInFailed(BadRequest):
    """The login did not end with tokens; `description` says so in words for the user, `error` is the OAuth code."""

    def __init__(self, description: str, error: str = "") -> None:
        super().__init__(description)
        self.error = error


class StepUpFailed(Forbidden):
    """The user logged in again as asked, and what came back is still too weak. Only the user may start that again."""

    def __init__(self, wanted: Demand, reached: object) -> None:
        super().__init__("You signed in again, but without the stronger proof that this page needs.")
        self.demand = wanted
        self.reached = reached


class RefreshRefused(Exception):
    """The provider gave no new tokens; `error` and `description` are its own words."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Login:
    """One login in one browser: its verified ID token claims and its tokens. `asked` is a demand still to be met."""

    claims: dict[str, Any]
    id_token: str
    access_token: str
    refresh_token: str | None
    expires_in_s: int | None
    refresh_expires_in_s: int | None
    received_at: float
    asked: Demand | None = None
    asked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Pending:
    nonce: str
    next_path: str
    asked: Demand | None
    asked_at: float


class RelyingParty:
    """Gives an app `/login`, `/callback`, `POST /logout`, and `require_acr` for its views."""

    def __init__(
        self,
        app: flask.Flask,
        *,
        issuer: str,
        client_id: str,
        client_secret: str | None = None,
        audience: str | None = None,
        authorized_parties: Collection[str] = (),
        ladder: Sequence[str] = LADDER,
        scope: str = "openid",
        app_url: str | None = None,
        metadata_url: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`audience` and `authorized_parties` say whose access tokens the API accepts; by default its own client's.

        `app_url` is where browsers find this app (else the Host header says so); `metadata_url` is where this app
        finds the provider's discovery document, where that is not under `issuer`, as between containers.
        """
        self.issuer = issuer.rstrip("/")
        self.client_id = client_id
        self.ladder = tuple(ladder)
        self._logins = BoundedStore()
        self._pending = BoundedStore()  # apart: whoever starts many logins must not push out anybody's session
        self.clock = clock
        parties = authorized_parties or (() if audience else (client_id,))
        keys = RealmKeys(self.issuer, metadata_url=metadata_url)
        self.verifier = TokenVerifier(self.issuer, audience=audience, authorized_parties=parties, keys=keys)
        self._app_url = app_url.rstrip("/") if app_url else None
        self._client = OAuth(app, cache=self._pending).register(
            "relying_party",
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=keys.metadata_url,
            client_kwargs={"scope": scope, "code_challenge_method": "S256", "default_timeout": TIMEOUT_S},
        )
        app.config["SESSION_COOKIE_HTTPONLY"] = True
        app.config["SESSION_COOKIE_SAMESITE"] = "Lax"  # the provider's answer is a top-level navigation from its site
        app.add_url_rule("/login", "login", self._login_view, methods=["GET"])
        app.add_url_rule("/callback", "callback", self._callback_view, methods=["GET"])
        app.add_url_rule("/logout", "logout", self._logout_view, methods=["POST"])
        app.context_processor(lambda: {"csrf_token": self.csrf_token, "login": self.login})

    # ------------------------------------------------------------------------------------------------ for views

    @property
    def login(self) -> Login | None:
        """The login of the browser that asks, or None."""
        found = self._logins.get(session.get(SESSION_KEY, ""))
        return found if isinstance(found, Login) else None

    def require_acr(
        self, acr: str, max_age: int | None = None, *, essential: bool = False
    ) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
        """Let a view run only with this `acr` (or a higher one), proved at most `max_age` seconds ago.

        In the view, `flask.g.claims` holds the claims that were checked. `essential` asks the provider to refuse the
        login rather than to return a weaker one.
        """
        wanted = Demand(acr, max_age)

        def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
            @functools.wraps(view)
            def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
                refusal = self._check_browser(wanted, essential) if _is_browser() else self._check_call(wanted)
                return view(*args, **kwargs) if refusal is None else refusal

            return guarded

        return decorate

    def refresh(self) -> Login:
        """New tokens by the refresh token; the store has them when this returns. Raises `RefreshRefused`."""
        login = self.login
        if login is None or login.refresh_token is None:
            raise RefreshRefused("invalid_grant", "There is no refresh token")
        try:
            answer = self._client.fetch_access_token(grant_type="refresh_token", refresh_token=login.refresh_token)
        except AuthlibBaseError as error:
            raise RefreshRefused(str(error.error), str(error.description or "")) from error
        except (requests.RequestException, ValueError) as error:
            raise _unavailable() from error
        answer = {"id_token": login.id_token, "refresh_token": login.refresh_token, **answer}
        renewed = self._login_of(answer, nonce=None, asked=None)
        if renewed.claims["sub"] != login.claims["sub"]:
            raise RefreshRefused("invalid_grant", "The new tokens are another person's")
        self._save(renewed)
        return renewed

    def sign_in(self, next_path: str, wanted: Demand | None = None, *, essential: bool = False) -> ResponseReturnValue:
        """Send the browser to the provider, to come back to `next_path` (a path of this app)."""
        nonce = secrets.token_urlsafe(24)
        parameters: dict[str, Any] = {"nonce": nonce}
        if wanted is not None:
            parameters["acr_values"] = wanted.acr
            if wanted.max_age is not None:
                parameters["max_age"] = wanted.max_age
            if essential:
                claim = {"essential": True, "values": [wanted.acr]}
                parameters["claims"] = json.dumps({"id_token": {"acr": claim}})
        callback = self._url("callback")
        try:
            if self._client.load_server_metadata().get("issuer") != self.issuer:
                raise ValueError("the discovery document is another issuer's")
            start = self._client.create_authorization_url(callback, **parameters)
        except (requests.RequestException, ValueError) as error:
            raise _unavailable() from error
        del start["nonce"]  # checked here, by the one verifier
        self._client.save_authorize_data(redirect_uri=callback, **start)
        self._pending.set(start["state"], _Pending(nonce, _own_path(next_path), wanted, self.clock()), PENDING_S)
        return flask.redirect(start["url"])

    def csrf_token(self) -> str:
        """A token for the session's forms, as a hidden input named `csrf_token`."""
        return str(session.setdefault(CSRF_KEY, secrets.token_urlsafe(24)))

    def check_csrf(self) -> None:
        """Refuse (400) a form that did not come from this session's pages."""
        given, expected = request.form.get("csrf_token", ""), session.get(CSRF_KEY, "")
        if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
            raise BadRequest("This form is out of date. Go back, reload the page and try again.")

    # ------------------------------------------------------------------------------------------------ the checks

    def _check_call(self, wanted: Demand) -> flask.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return _problem(401, "unauthorized", "A bearer token is required", bearer_challenge())
        try:
            claims = self.verifier.verify_access_token(token.strip())
            demand(claims, wanted, now=self.clock(), ladder=self.ladder)
        except InvalidToken as problem:
            return _problem(401, "invalid_token", str(problem), bearer_challenge(problem))
        except StepUpRequired as problem:
            return _problem(401, "insufficient_user_authentication", problem.description, problem.challenge)
        except KeysUnavailable:
            return _problem(503, "temporarily_unavailable", "The token can not be verified at the moment")
        g.claims = claims
        return None

    def _check_browser(self, wanted: Demand, essential: bool) -> ResponseReturnValue | None:
        login = self.login
        next_path = request.full_path.rstrip("?") if request.method == "GET" else "/"
        if login is None:
            return self.sign_in(next_path, wanted, essential=essential)
        try:
            # A login that was asked for counts from when it was: else a max_age of 0 could never be met.
            now = login.asked_at - SKEW_S if login.asked == wanted else self.clock()
            demand(login.claims, wanted, now=now, ladder=self.ladder)
        except StepUpRequired:
            if login.asked == wanted:
                raise StepUpFailed(wanted, login.claims.get("acr")) from None
            return self.sign_in(next_path, wanted, essential=essential)
        if login.asked == wanted:
            self._save(replace(login, asked=None))  # met: a later lapse may ask again
        g.claims = login.claims
        return None

    # ------------------------------------------------------------------------------------------------- the views

    def _login_view(self) -> ResponseReturnValue:
        acr = request.args.get("acr", "")
        wanted = Demand(acr, request.args.get("max_age", type=int)) if acr in self.ladder else None
        return self.sign_in(request.args.get("next", "/"), wanted)

    def _callback_view(self) -> ResponseReturnValue:
        pending = self._pending.pop(request.args.get("state", ""))
        if not isinstance(pending, _Pending):
            raise SignInFailed("This sign-in was already used or has taken too long. Please start again.")
        try:
            answer = self._client.authorize_access_token()
            login = self._login_of(answer, nonce=pending.nonce, asked=pending.asked)
        except AuthlibBaseError as error:
            raise SignInFailed("The sign-in was not completed.", str(error.error)) from error
        except (requests.RequestException, ValueError) as error:
            raise _unavailable() from error
        self._begin_session(login)
        login = replace(login, asked_at=pending.asked_at)
        if pending.asked is not None and acr_satisfies(login.claims, pending.asked.acr, self.ladder):
            login = replace(login, asked=None if pending.asked.max_age is None else pending.asked)
        self._save(login)
        return flask.redirect(pending.next_path)

    def _logout_view(self) -> ResponseReturnValue:
        self.check_csrf()
        login = self.login
        self._logins.delete(session.get(SESSION_KEY, ""))
        session.clear()
        if login is None:
            return flask.redirect("/")
        try:
            end = self._client.load_server_metadata().get("end_session_endpoint")
        except (requests.RequestException, ValueError):
            end = None  # signed out here all the same
        if not end:
            return flask.redirect("/")
        query = {
            "id_token_hint": login.id_token,
            "post_logout_redirect_uri": self._url("login").removesuffix("login"),
            "client_id": self.client_id,
        }
        return flask.redirect(f"{end}?{urlencode(query)}")

    # --------------------------------------------------------------------------------------------------- the parts

    def _login_of(self, answer: dict[str, Any], *, nonce: str | None, asked: Demand | None) -> Login:
        try:
            id_token = str(answer.get("id_token", ""))
            claims = self.verifier.verify_id_token(id_token, client_id=self.client_id, nonce=nonce)
        except InvalidToken as error:
            raise SignInFailed("The provider's answer could not be verified.") from error
        except KeysUnavailable as error:
            raise _unavailable() from error
        return Login(
            claims=claims,
            id_token=id_token,
            access_token=str(answer.get("access_token", "")),
            refresh_token=answer.get("refresh_token"),
            expires_in_s=answer.get("expires_in"),
            refresh_expires_in_s=answer.get("refresh_expires_in"),
            received_at=self.clock(),
            asked=asked,
        )

    def _url(self, endpoint: str) -> str:
        return self._app_url + flask.url_for(endpoint) if self._app_url else flask.url_for(endpoint, _external=True)

    def _begin_session(self, login: Login) -> None:
        """A new id for each login, so that one planted before is worth nothing; nothing of another person stays."""
        previous = self.login
        self._logins.delete(session.get(SESSION_KEY, ""))
        if previous is None or previous.claims["sub"] != login.claims["sub"]:
            for name in [name for name in session if not name.startswith("_state_")]:  # other tabs' logins go on
                del session[name]
        session[SESSION_KEY] = secrets.token_urlsafe(32)

    def _save(self, login: Login) -> None:
        self._logins.set(session[SESSION_KEY], login, LOGIN_S)


def _is_browser() -> bool:
    """A page asked for by a person: HTML wanted by name, and no token shown."""
    return "Authorization" not in request.headers and "text/html" in request.headers.get("Accept", "")


def _own_path(path: str) -> str:
    """A path of this app; anything that could lead elsewhere becomes the home page."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if safe else "/"


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("The sign-in service can not be reached. Please try again in a moment.", retry_after=5)


def _problem(status: int, error: str, description: str, challenge: str | None = None) -> flask.Response:
    answer = flask.jsonify(error=error, error_description=description)
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    if challenge is not None:
        answer.headers["WWW-Authenticate"] = challenge
    if status == 503:
        answer.headers["Retry-After"] = "5"
    return answer
