"""The viewer's server, for this machine alone: the page, and facts and meshes of one grasp at a time.

    /                      the page; /viewer.css, /viewer.js, /scene.js
    /set.json              `ViewerAnswers.about`
    /grasp.json?at=K       `ViewerAnswers.grasp`; or ?row=R; family=, type=, split=, object= choose among the grasps
    /hand/ROW.bin  /object/NUMBER.bin  /picture/ROW.png

Anything else is answered with 404 and one line of text.
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from fastgrasp_model.viewer.answers import NothingThere, ViewerAnswers
from fastgrasp_model.viewer.sets import ViewError

HOST = "127.0.0.1"
PAGE = Path(__file__).parent / "page"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_FILES = {"/": "index.html", "/viewer.css": "viewer.css", "/viewer.js": "viewer.js", "/scene.js": "scene.js"}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"
_BYTES, _PNG, _JSON = "application/octet-stream", "image/png", "application/json"


def make_server(answers: ViewerAnswers, port: int = 0) -> ThreadingHTTPServer:
    """A server on 127.0.0.1, not yet running; `server_port` tells its port, `serve_forever` runs it.

    port: 0 means any free one. Raises ViewError where the port is taken or not allowed.
    """
    handler = type("AnsweringHandler", (_Handler,), {"answers": answers})
    try:
        server = _Server((HOST, port), handler)
    except (OSError, OverflowError) as error:
        raise ViewError(f"cannot listen on port {port} ({error}); leave --port out for a free one") from error
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        """A browser that went away in the middle of an answer is no news; the rest is one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"fastgrasp view: {type(error).__name__}: {error}", file=sys.stderr)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET requests; knows a fixed list of paths, so no path of the disk is ever made from a request."""

    answers: ViewerAnswers
    server_version, sys_version, timeout = "fastgrasp-view", "", 30

    def do_GET(self) -> None:
        """Answer with the thing asked for, or 404 with one line."""
        if not self._from_here():
            return self._send(403, "text/plain", b"this page is for this machine only")
        try:
            kind, body = self._answer(*_parts(self.path))
        except ValueError as error:
            return self._send(404, "text/plain", " ".join(str(error).split()).encode())
        except Exception as error:
            print(f"fastgrasp view: {self.path[:80]!r}: {type(error).__name__}: {error}", file=sys.stderr)
            return self._send(500, "text/plain", b"this grasp could not be read; the terminal says why")
        self._send(200, kind, body)

    def _answer(self, path: str, query: dict[str, str]) -> tuple[str, bytes]:
        if path in _FILES:
            file = PAGE / _FILES[path]
            return _KINDS[file.suffix], file.read_bytes()
        if path == "/set.json":
            return _JSON, json.dumps(self.answers.about()).encode()
        if path == "/grasp.json":
            at, row = (_number(query[name]) if name in query else None for name in ("at", "row"))
            return _JSON, json.dumps(self.answers.grasp(query, at, row)).encode()
        found = re.fullmatch(r"/(hand|object|picture)/([0-9]{1,9})\.(bin|png)", path, re.ASCII)
        if found and (found[1] == "picture") == (found[3] == "png"):
            return (_PNG if found[3] == "png" else _BYTES), getattr(self.answers, found[1])(int(found[2]))
        raise NothingThere("there is nothing here")

    def _from_here(self) -> bool:
        """Whether the browser asked for this machine by its name: other sites' pages cannot reach in by a name of
        their own."""
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        return host in (HOST, "localhost")

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        charset = "" if kind in (_BYTES, _PNG) else "; charset=utf-8"
        self.send_header("Content-Type", kind + charset)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words) -> None:
        """Say nothing for each request."""


def _parts(address: str) -> tuple[str, dict[str, str]]:
    """Path and query of a request. Raises ValueError where it is no address."""
    split = urlsplit(address)
    query = parse_qs(split.query, max_num_fields=8)
    return split.path, {name: values[-1] for name, values in query.items()}


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        raise NothingThere("expected a whole number")
    return int(text)
