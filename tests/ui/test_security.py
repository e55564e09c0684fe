"""Those who try to get in, and what they are told."""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from small_dataset_audio.errors import InvalidConfigError
from small_dataset_audio.ui.jobs import Job, JobQueue, JobStatus
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.request import StudioRequest
from small_dataset_audio.ui.session import COOKIE, SessionKeys
from ui.running import RunningStudio


@pytest.fixture(scope="module")
def keys(studio: RunningStudio) -> SessionKeys:
    return SessionKeys(studio.key)


@pytest.fixture(scope="module")
def home(studio: RunningStudio) -> Path:
    return studio.home


@pytest.fixture
def stranger(studio: RunningStudio) -> Iterator[httpx.Client]:
    """A client without key and cookie."""
    with studio.stranger() as client:
        yield client


@pytest.fixture
def guest(studio: RunningStudio) -> Iterator[httpx.Client]:
    """A client that was let in."""
    with contextlib.closing(studio.client()) as client:
        yield client


def test_without_the_key_the_page_is_locked(stranger):
    answer = stranger.get("/")
    assert answer.status_code == 403
    assert "sda studio" in answer.text


@pytest.mark.parametrize("cookie", ["", "x", "a" * 32 + "." + "b" * 64, "." + "0" * 64])
def test_a_cookie_that_was_not_made_here_opens_nothing(stranger, cookie: str):
    assert stranger.get("/", headers={"cookie": f"{COOKIE}={cookie}"}).status_code == 403


def test_the_key_lets_a_browser_in_and_leaves_the_address(stranger, keys: SessionKeys):
    answer = stranger.get("/", params={"key": keys.secret})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_who_was_let_in_sees_the_page(guest):
    assert "gradio" in guest.get("/").text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1:1", "10.0.0.1:7860"])
def test_a_foreign_name_bound_to_this_address_gets_no_answer(guest, host: str):
    assert guest.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/studio/upload?corpus=a&name=b.wav"])
def test_another_site_can_ask_for_nothing(guest, path: str, headers: dict[str, str]):
    assert guest.post(path, headers=headers, content=b"x").status_code == 403


def test_a_link_from_elsewhere_still_opens_the_page(guest):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert guest.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=http://127.0.0.1/",
        "/gradio_api/upload",
        "/gradio_api/run/predict",
        "/gradio_api/call/x",
        "/gradio_api/vibe-code",
        "/monitoring",
        "/docs",
        "/openapi.json",
        "/.env",
        "/studio/static/../server.py",
        "/studio/static/%2e%2e%2fserver.py",
        "/studio/static/..%2f..%2f..%2fetc%2fpasswd",
        "/studio/file/..%2f..%2fkey/x",
        "/studio/file/0/wav",
        "/studio/file/..%2f..%2f..%2f..%2fetc%2fpasswd/wav",
        "/studio/take/..%2f..%2fkey/sound",
        "/studio/take/999999/sound",
        "/studio/take/-1/recipe",
        "/studio/model/..%2fstudio/losses",
        "/studio/model/%2fetc/losses",
        "/studio/model/../losses",
        "/studio/kit/../key/zip",
        "/studio/kit/..%2f..%2fstudio/x/zip",
        "/studio/kit/plucks-walk/..%2f..%2fstudio/zip",
        "/studio/kit/plucks-walk/%2e%2e/zip",
        "/studio/kit/plucks-walk/nothing/0",
        "/static/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/%2e%2e/blocks.py",
    ],
)
def test_no_path_leads_out(guest, path: str):
    for answer in (guest.get(path), guest.post(path)):
        assert answer.status_code in {403, 404, 405, 422}
        assert "root:" not in answer.text
        assert "import" not in answer.text


@pytest.mark.parametrize(
    "name", ["../x.wav", "/etc/x.wav", "a/../../x.wav", "..", "", "a/" * 12 + "x.wav", "..\\x.wav"]
)
@pytest.mark.parametrize("corpus", ["drums", "../../drums"])
def test_a_dropped_file_lands_in_its_folder_or_nowhere(guest, home: Path, corpus: str, name: str):
    before = set(home.rglob("*"))
    answer = guest.post("/studio/upload", params={"corpus": corpus, "name": name}, content=b"sound")
    assert answer.status_code == 400
    assert [path for path in set(home.rglob("*")) - before if path.is_file()] == []


@pytest.mark.parametrize("name", ["../x.sda", "/etc/x.sda", "..", "a/../../x.sda"])
def test_a_dropped_model_lands_in_its_folder_or_nowhere(guest, home: Path, name: str):
    assert guest.post("/studio/upload", params={"name": name}, content=b"model").status_code == 400
    assert list(home.rglob("x.sda")) == []


def test_a_dropped_file_is_kept_as_it_is(guest, home: Path):
    answer = guest.post("/studio/upload", params={"corpus": "drums", "name": "low/kick.wav"}, content=b"sound")
    assert answer.status_code == 200
    (path,) = home.rglob("kick.wav")
    assert path.read_bytes() == b"sound"
    assert path.parts[-4:] == ("recordings", "drums", "low", "kick.wav")


def announce(studio: RunningStudio, guest: httpx.Client, path: str, length: int) -> str:
    """Announce a body of some length, send none of it, and read the answer."""
    with socket.create_connection((guest.base_url.host, guest.base_url.port), timeout=10) as connection:
        host, cookie = studio.root.split("/")[2], guest.cookies[COOKIE]
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {COOKIE}={cookie}\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode())
        return connection.recv(4096).decode()


def test_what_is_announced_as_huge_is_refused_before_it_is_read(studio: RunningStudio, guest):
    said = announce(studio, guest, "/studio/upload?corpus=drums&name=huge.wav", 3 << 30)
    assert " 413 " in said.splitlines()[0]


def test_only_an_upload_may_be_large(studio: RunningStudio, guest):
    assert " 413 " in announce(studio, guest, "/gradio_api/queue/join", 2 << 20).splitlines()[0]


def test_every_answer_forbids_what_comes_from_elsewhere(guest):
    headers = guest.get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    own = {"origin": str(guest.base_url).rstrip("/")}
    assert "access-control-allow-origin" not in guest.get("/", headers=own).headers


def test_one_browser_cannot_fetch_what_another_made(home: Path, keys: SessionKeys, stranger):
    sound = home / "secret.wav"
    sound.write_bytes(b"RIFF")
    cookies = [keys.new_cookie(), keys.new_cookie()]
    owner = keys.session_of(cookies[0])
    job = Job("0-0", owner, "take")
    JobQueue(StudioFolders(home)).write_status(job, JobStatus("done", "take", files={"wav": str(sound)}))
    codes = [
        stranger.get("/studio/file/0-0/wav", headers={"cookie": f"{COOKIE}={cookie}"}).status_code for cookie in cookies
    ]
    assert codes == [200, 404]


# ---- for other machines


@pytest.mark.parametrize(
    ("host", "login"), [("10.0.0.1", None), (None, "me:secret"), ("10.0.0.1", "me"), ("10.0.0.1", ":x")]
)
def test_nobody_is_let_in_from_outside_without_a_password(host: str | None, login: str | None):
    with pytest.raises(InvalidConfigError):
        StudioRequest(host=host, login=login).validate()


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_a_password_lets_in_where_one_is_asked_for(tmp_path: Path):
    running = RunningStudio(tmp_path, "--host", "127.0.0.1", "--auth", "me:long")
    try:
        with running.stranger() as client:
            for wrong in ("me:wrong", "you:long", ":", "me"):
                assert client.get("/", headers=basic(wrong)).status_code == 401
            assert client.get("/studio/static/studio.js").status_code == 401
            assert client.get("/", params={"key": StudioFolders(tmp_path).key_file.read_text()}).status_code == 401
            answer = client.get("/", headers=basic("me:long"))
            assert answer.status_code == 200
            assert COOKIE in answer.headers["set-cookie"]
            assert client.get("/", headers={**basic("me:long"), "origin": "http://evil.example"}).status_code == 403
    finally:
        running.end()


def test_the_secret_is_for_its_owner_alone(home: Path, keys: SessionKeys):
    folders = StudioFolders(home)
    assert folders.key_file.stat().st_mode & 0o077 == 0
    assert folders.root.stat().st_mode & 0o077 == 0
    assert SessionKeys.of(folders).secret == keys.secret
