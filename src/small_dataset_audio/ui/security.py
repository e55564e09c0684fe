"""The door: who may ask this server for what. Everything else of the studio is behind it.

- Only the addresses that the page needs are there at all (:data:`OPEN_PREFIXES`): of Gradio's own, those that serve files by
  path, fetch for others, take uploads or show how it runs are not.
- A request must be for this host by name, so that no foreign name can be bound to this machine's address; and where a browser
  says on whose behalf it asks (``Origin``, ``Sec-Fetch-Site``), that must be this page.
- A browser is let in by the key that the terminal showed, or by a name and password; from then on by a signed cookie that no
  script can read and no foreign page can use.
- A page may load nothing from elsewhere (Content-Security-Policy), so a name in a recording can do no more than look odd.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from small_dataset_audio.ui.session import COOKIE, KEY_PARAMETER, SessionKeys

OPEN_PREFIXES: Final = (
    "/assets/",
    "/static/",
    "/studio/",
    "/gradio_api/queue/",
    "/gradio_api/heartbeat/",
)
OPEN_PATHS: Final = frozenset(
    {
        "/",
        "/config",
        "/theme.css",
        "/favicon.ico",
        "/manifest.json",
        "/gradio_api/info",
        "/gradio_api/theme.css",
        "/gradio_api/startup-events",
        "/gradio_api/app_id",
        "/gradio_api/cancel",
        "/gradio_api/reset",
    }
)
SESSION_KEY: Final = "sda_session"
"""Of the session's name in the scope of a request that was let in."""

_YEAR_S: Final = 365 * 24 * 3600
_MAX_BODY_BYTES: Final = 1 << 20
"""Of all but an upload: settings and clicks are small."""

UPLOAD_PATH: Final = "/studio/upload"
_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # the page's own widgets are templates made into code
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)


@dataclass(frozen=True)
class Login:
    """Name and password of whoever may come in from another machine."""

    name: str
    password: str

    def admits(self, authorization: str) -> bool:
        """Whether a browser's ``Authorization`` header has both right."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"{self.name}:{self.password}".encode())


class Door:
    """ASGI middleware in front of everything.

    Parameters
    ----------
    app : ASGIApp
    keys : SessionKeys
    hosts : frozenset of str
        What a request may call this server; any name where it is empty, which goes with a login only.
    login : Login or None
        Asked for in place of the key.
    """

    def __init__(self, app: ASGIApp, keys: SessionKeys, hosts: frozenset[str], login: Login | None = None) -> None:
        self._app = app
        self._keys = keys
        self._hosts = hosts
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks by websocket
            return
        headers = Headers(scope=scope)
        send = _with_headers(send)
        cookie = self._new_cookie_of(scope, headers)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if cookie and scope["path"] == "/" and self._login is None:
            answer = RedirectResponse("/", status_code=303)  # the key does not stay in the address
            _set_cookie(answer, cookie)
            await answer(scope, receive, send)
            return
        session = self._keys.session_of(cookie or _cookie(headers))
        if session is None:
            await _refuse(403, LOCKED)(scope, receive, send)
            return
        if cookie:
            send = _with_cookie(send, cookie)
        await self._app({**scope, SESSION_KEY: session}, receive, send)

    def _new_cookie_of(self, scope: Scope, headers: Headers) -> str:
        """Make a cookie for a browser that has none and may have one; empty for any other."""
        if self._keys.session_of(_cookie(headers)) is not None and not _given_key(scope):
            return ""
        if self._login is not None:
            return self._keys.new_cookie() if self._login.admits(headers.get("authorization", "")) else ""
        if not self._keys.is_secret(_given_key(scope)):
            return ""
        known = _cookie(headers)
        return known if self._keys.session_of(known) is not None else self._keys.new_cookie()

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if self._hosts and host.lower() not in self._hosts:
            return _refuse(421, "This server answers to its own address only.")
        if not _is_own(headers, host, scope):
            return _refuse(403, "Another site asked for this; only the studio's own page may.")
        if self._login is not None and not self._login.admits(headers.get("authorization", "")):
            answer = _refuse(401, "A name and a password are needed.")
            answer.headers["WWW-Authenticate"] = 'Basic realm="sda studio", charset="UTF-8"'
            return answer
        path = scope["path"]
        if path not in OPEN_PATHS and not path.startswith(OPEN_PREFIXES):
            return _refuse(404, "There is nothing here.")
        if path != UPLOAD_PATH and _length(headers) > _MAX_BODY_BYTES:
            return _refuse(413, f"That is over {_MAX_BODY_BYTES >> 20} MB.")
        return None


LOCKED: Final = (
    "The studio is locked. Open it by the address that `sda studio` shows in the terminal: it ends in a key, and lets this "
    "browser in for good."
)


def _is_own(headers: Headers, host: str, scope: Scope) -> bool:
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return False
    site = headers.get("sec-fetch-site", "same-origin")
    is_visit = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
    return site in {"same-origin", "none"} or (is_visit and scope["path"] == "/")


def _length(headers: Headers) -> int:
    given = headers.get("content-length", "0")
    return int(given) if given.isascii() and given.isdigit() else 0


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _given_key(scope: Scope) -> str:
    values = parse_qs(scope["query_string"].decode("latin-1")).get(KEY_PARAMETER, [""])
    given: str = values[0]
    return given


def _refuse(code: int, words: str) -> Response:
    return PlainTextResponse(f"{words}\n", status_code=code)


def _set_cookie(answer: Response, cookie: str) -> None:
    answer.set_cookie(COOKIE, cookie, max_age=_YEAR_S, httponly=True, samesite="strict", path="/")


def _with_cookie(send: Send, cookie: str) -> Send:
    carrier = Response()
    _set_cookie(carrier, cookie)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("set-cookie", carrier.headers["set-cookie"])
        await send(message)

    return sending


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            del headers["access-control-allow-origin"]
            del headers["access-control-allow-credentials"]
        await send(message)

    return sending
