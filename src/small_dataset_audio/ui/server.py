"""The server: page, routes and door in one application, and a worker beside it.

:func:`~small_dataset_audio.ui.request.keep_quiet` is to be called before this is imported, since with it comes Gradio.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Final

import fastapi
import gradio
import uvicorn

from small_dataset_audio.errors import OutputError
from small_dataset_audio.files import make_output_folder
from small_dataset_audio.library import Library
from small_dataset_audio.ui import page, theme
from small_dataset_audio.ui.library_routes import add_library_routes
from small_dataset_audio.ui.places_on_disk import StudioFolders
from small_dataset_audio.ui.request import DEFAULT_PORT, LOOPBACK, StudioRequest
from small_dataset_audio.ui.routes import add_routes
from small_dataset_audio.ui.security import Door, Login
from small_dataset_audio.ui.session import KEY_PARAMETER, SessionKeys
from small_dataset_audio.ui.sweeping import sweep
from small_dataset_audio.ui.worker_process import WorkerProcess

_TRY_PORTS: Final = 20
_PATIENCE_S: Final = 20.0  # for a training to save its checkpoint


def serve(request: StudioRequest, on_ready: Callable[[str], None], library: Library | None = None) -> None:
    """Serve the studio until Ctrl-C.

    Parameters
    ----------
    request : StudioRequest
    on_ready : callable
        Called with the address to open, key and all, when the page can be opened.
    library : Library, optional
        The user's own by default.

    Raises
    ------
    InvalidConfigError, OutputError
    """
    request.validate()
    library = library or Library()
    folders = StudioFolders(library.root)
    make_output_folder(library.root)
    folders.make()
    sweep(folders, time.time())
    keys = SessionKeys.of(folders)
    with _listen(request) as listener:
        port = listener.getsockname()[1]
        app = build_app(library, keys, port, login=_login(request))
        config = uvicorn.Config(
            app, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        address = f"http://{request.host or LOOPBACK}:{port}/"
        ready = address if request.login else f"{address}?{KEY_PARAMETER}={keys.secret}"
        threading.Thread(target=_tell_when_ready, args=(server, on_ready, ready), daemon=True).start()
        worker = WorkerProcess(library.root)
        worker.start()
        try:
            server.run(sockets=[listener])
        finally:
            worker.end(_PATIENCE_S)


def build_app(library: Library, keys: SessionKeys, port: int, *, login: Login | None = None) -> fastapi.FastAPI:
    """Put page, routes and door together."""
    folders = StudioFolders(library.root)
    hosts = frozenset() if login else frozenset(f"{name}:{port}" for name in (LOOPBACK, "localhost"))
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Door, keys=keys, hosts=hosts, login=login)
    add_routes(app, folders)
    add_library_routes(app, library)
    gradio.mount_gradio_app(
        app,
        page.build_page(library, folders, keys, is_local=login is None),
        path="/",
        server_name=LOOPBACK,
        server_port=port,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        pwa=False,
        ssr_mode=False,
        show_error=False,
        max_file_size=1,  # nothing is uploaded through it
        theme=theme.studio_theme(),
        head=theme.HEAD,
    )
    return app


def _login(request: StudioRequest) -> Login | None:
    if request.login is None:
        return None
    name, _, password = request.login.partition(":")
    return Login(name, password)


def _listen(request: StudioRequest) -> socket.socket:
    """Open the port before anything is served: two studios started at once get two ports."""
    host = request.host or LOOPBACK
    ports = range(DEFAULT_PORT, DEFAULT_PORT + _TRY_PORTS) if request.port is None else (request.port,)
    reason: OSError | None = None
    for port in ports:
        try:
            return socket.create_server((host, port))
        except OSError as error:
            reason = error
    tried = f"port {ports[0]}" if len(ports) == 1 else f"no port from {ports[0]} to {ports[-1]}"
    raise OutputError(
        f"{tried} of {host} cannot be used ({reason.strerror if reason else 'taken'}); choose another with --port"
    ) from reason


def _tell_when_ready(server: uvicorn.Server, on_ready: Callable[[str], None], address: str) -> None:
    while not server.started:
        if server.should_exit:
            return
        time.sleep(0.02)
    on_ready(address)
