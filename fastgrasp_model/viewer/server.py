"""The viser server of the viewer: on this machine alone, and without its offer of a public address."""

from __future__ import annotations

import io
import socket
from contextlib import redirect_stdout

from fastgrasp_model.commands.extras import require
from fastgrasp_model.viewer.sets import ViewError

HOST = "127.0.0.1"


def start_server(port: int = 0, label: str = ""):
    """Start a viser server on 127.0.0.1 and return it; `get_port()` tells its port, any free one for port 0.

    Raises ViewError where the port is taken or not allowed, MissingExtraError without viser.
    """
    viser = require("viser", "the interactive viewer", "viewer")
    try:
        with socket.create_server((HOST, port)):  # viser itself would try the next ports
            pass
    except (OSError, OverflowError) as error:
        raise ViewError(f"cannot listen on port {port} ({error}); leave --port out for a free one") from error

    class LocalServer(viser.ViserServer):
        def request_share_url(self, verbose: bool = True) -> None:
            """Open no tunnel to another machine, whoever asks."""

    with redirect_stdout(io.StringIO()):  # viser's own banner
        server = LocalServer(HOST, port, label or None, verbose=False)
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    return server


def stop_server(server) -> None:
    """Stop a server and its threads."""
    with redirect_stdout(io.StringIO()):
        server.stop()
