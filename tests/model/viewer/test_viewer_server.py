"""The viewer's server: what it gives, that it gives nothing else, and that nobody else reaches it."""

import http.client
import json
import socket

import pytest

from fastgrasp_model.viewer.server import HOST, make_server
from fastgrasp_model.viewer.sets import ViewError


@pytest.fixture
def get(address):
    """A function (path, headers) -> status, headers, body."""

    def ask(path: str, method: str = "GET", **headers):
        host, port = address.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), body

    return ask


@pytest.mark.parametrize(
    ("path", "kind", "inside"),
    [
        ("/", "text/html", b"<canvas"),
        ("/viewer.js", "text/javascript", b"use strict"),
        ("/scene.js", "text/javascript", b"class Scene"),
        ("/viewer.css", "text/css", b"body"),
        ("/picture/3.png", "image/png", b"PNG"),
        ("/object/1.bin", "application/octet-stream", b""),
        ("/hand/3.bin", "application/octet-stream", b""),
    ],
)
def test_what_there_is(get, path, kind, inside):
    status, headers, body = get(path)
    assert status == 200 and headers["Content-Type"].startswith(kind) and inside in body
    assert headers["Cache-Control"] == "no-store" and "default-src 'none'" in headers["Content-Security-Policy"]


def test_facts(get):
    about = json.loads(get("/set.json")[2])
    assert (about["grasps"], about["objects"], about["types"]["tripod"]) == (40, 3, 20)
    facts = json.loads(get("/grasp.json?at=2&family=can&type=power")[2])
    assert (facts["row"], facts["at"], facts["count"], facts["object"]) == (18, 2, 7, "can:2")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/../setup.cfg", "/%2e%2e/setup.cfg", "/viewer.js/../../server.py", "//etc/passwd", "/server.py",
        "/hand/40.bin", "/hand/-1.bin", "/hand/1e3.bin", "/hand/99999999999999999999.bin", "/hand/3.png", "/hand/٣.bin",
        "/picture/3.bin", "/object/3.bin", "/object/2.bin", "/hand/", "/hand/1.bin/..", "/page/index.html",
        "/grasp.json?at=40", "/grasp.json?at=-1", "/grasp.json?at=x", "/grasp.json?row=1.5", "/grasp.json?at=٣",
        "/grasp.json?family=%00", "/grasp.json?type=nonsense", "/grasp.json?object=../x",
        "/grasp.json?" + "&".join(f"a{i}=1" for i in range(30)), "http://[", "/grasp.json?at=9999999999999999999999",
    ],
)  # fmt: skip
def test_anything_else_is_404_in_one_line(address, path, capfd):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:  # no client that tidies the path
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        head, body = b"".join(iter(lambda: connection.recv(4096), b"")).split(b"\r\n\r\n", 1)
    assert b" 404 " in head.splitlines()[0]
    assert 0 < len(body) < 400 and b"\n" not in body and b"Traceback" not in body
    assert capfd.readouterr().err == ""


def test_a_defect_shows_no_trace_to_the_page(get, answers, monkeypatch, capfd):
    monkeypatch.setattr(type(answers), "about", lambda self: 1 / 0)
    status, _, body = get("/set.json")
    assert status == 500 and b"Zero" not in body and b"Traceback" not in body
    assert "ZeroDivisionError" in capfd.readouterr().err


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_only_get(get, method):
    assert get("/set.json", method)[0] == 501


def test_another_sites_page_cannot_ask(get):
    assert get("/set.json", Host="evil.example:80")[0] == 403
    assert get("/set.json", Host="")[0] == 403
    assert get("/set.json", Host="localhost:1")[0] == 200


def test_it_listens_on_this_machine_only(answers):
    with make_server(answers) as server:
        assert server.server_address[0] == HOST == "127.0.0.1"


def test_a_taken_port(answers):
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        with pytest.raises(ViewError, match="leave --port out"):
            make_server(answers, other.getsockname()[1])
    with pytest.raises(ViewError, match="cannot listen on port 70000"):
        make_server(answers, 70000)
