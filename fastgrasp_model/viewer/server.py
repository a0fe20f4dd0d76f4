"""The viser server of the viewer: by default on this machine alone, and without its offer of a public address."""

from __future__ import annotations

import errno
import io
import socket
from contextlib import redirect_stdout

from fastgrasp_model.commands.extras import require
from fastgrasp_model.viewer.sets import ViewError

HOST = "127.0.0.1"


def start_server(port: int = 0, label: str = "", host: str = HOST):
    """Start a viser server and return it; `get_port()` tells its port, any free one for port 0.

    Raises ViewError where the port is taken or not allowed or the host is not this machine's, MissingExtraError without
    viser.
    """
    if not host:
        raise ViewError("cannot listen on host ''; give 127.0.0.1 or 0.0.0.0")
    viser = require("viser", "the interactive viewer", "viewer")
    try:
        with socket.create_server((host, port)):  # viser itself would try the next ports
            pass
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        code = getattr(error, "errno", None)
        if isinstance(error, UnicodeError) or (code is not None and (code < 0 or code == errno.EADDRNOTAVAIL)):
            raise ViewError(f"cannot listen on host {host!r} ({reason}); give 127.0.0.1 or 0.0.0.0") from error
        raise ViewError(f"cannot listen on port {port} ({reason}); leave --port out for a free one") from error

    class LocalServer(viser.ViserServer):
        def request_share_url(self, verbose: bool = True) -> None:
            """Open no tunnel to another machine, whoever asks."""

    with redirect_stdout(io.StringIO()):  # viser's own banner
        server = LocalServer(host, port, label or None, verbose=False)
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    return server


def stop_server(server) -> None:
    """Stop a server and its threads."""
    with redirect_stdout(io.StringIO()):
        server.stop()
