"""`tenfold serve`: the web console of one home, as a process of its own."""

import logging
import socket

import uvicorn

from console.output import err, out
from console.receiver import Receiver
from console.stop import Stop
from console.web import make_app
from settings import Settings
from tasks.context import SandboxNotRunning, home_path, open_home
from tasks.receive import doors

MOST_AT_ONCE = 200  # connections; more are told to come again


def serve_home(settings: Settings) -> int:
    """Serve until interrupted; 1 when the port cannot be had.

    Raises WarehouseBusy when another process is this home's receiver.
    """
    settings = _effective(settings)
    host, port = settings.console.host, settings.console.port
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        err.print(
            f"[bold red]Error:[/] {host} port {port} cannot be had ({error.strerror}); stop what holds it, "
            "or set TENFOLD_CONSOLE__PORT or TENFOLD_CONSOLE__HOST.",
            soft_wrap=True,
        )
        return 1
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with listening, Stop().on_signals():
        try:
            with Receiver(settings) as receiver:
                out.print(f"Serving {console_url(host, port)}; stop with Ctrl-C")
                for door in doors(settings).values():
                    told = f"closed, {door.missing}" if door.missing else f"taken at {door.url}"
                    out.print(f"  webhooks of {door.source}: {told}", soft_wrap=True)
                _server(receiver).run([listening])
        except KeyboardInterrupt:
            out.print("Stopped.")
    return 0


def console_url(host: str, port: int) -> str:
    """Where this machine reaches a console that listens there."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what somebody else chose
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def _effective(settings: Settings) -> Settings:
    """The settings of the home, with a running sandbox's secrets when that is what stands in."""
    try:
        return open_home(settings).settings
    except SandboxNotRunning:
        return settings.model_copy(update={"home": home_path(settings)[0]})


def _server(receiver: Receiver) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            make_app(receiver),
            # An access log would hold the secret in Mailchimp's address and let strangers fill the disk; so
            # would the warnings about requests that are no HTTP.
            access_log=False,
            log_config=None,
            log_level=logging.ERROR,
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            limit_concurrency=MOST_AT_ONCE,
            timeout_graceful_shutdown=5,
        )
    )
