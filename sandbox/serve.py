"""All servers of the sandbox in one asyncio process."""

import asyncio
import contextlib
import fcntl
import gc
import hashlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import uvicorn

from sandbox import mail
from sandbox.control import Control
from sandbox.exports import write_exports
from sandbox.faults import Fault
from sandbox.hubspot import HubSpotServer
from sandbox.intercom import IntercomServer
from sandbox.limits import Limits, Violations
from sandbox.mailchimp import MailchimpServer
from sandbox.mandrill import MandrillServer
from sandbox.webhooks import Secrets, Webhooks
from sandbox.wire import App
from sandbox.world import Plan, World, iso

DESCRIPTION = "sandbox.json"
INBOX = "inbox"
HOST = "127.0.0.1"
UNUSED_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Credentials:
    """The made-up secrets of this sandbox; they depend on the seed alone."""

    hubspot: str
    intercom: str
    mailchimp: str
    mandrill: str
    webhooks: Secrets


def credentials(seed: int) -> Credentials:
    """Tokens in each vendor's own shape."""
    mark = hashlib.sha256(f"sandbox/{seed}".encode()).hexdigest()
    own = {
        name: hashlib.sha256(f"sandbox/{seed}/{name}".encode()).hexdigest()
        for name in ("mandrill", "hubspot", "intercom", "mailchimp", "mailchimp_url")
    }
    client = own["hubspot"]
    return Credentials(
        hubspot=f"pat-eu1-{mark[:8]}-{mark[8:12]}-{mark[12:16]}-{mark[16:20]}-{mark[20:32]}",
        intercom=f"dG9rOn{mark[:48]}=",
        mailchimp=f"{mark[:32]}-us19",
        mandrill=f"md-{own['mandrill'][:22]}",
        webhooks=Secrets(
            hubspot=f"{client[:8]}-{client[8:12]}-{client[12:16]}-{client[16:20]}-{client[20:32]}",
            intercom=own["intercom"][:36],
            mailchimp=own["mailchimp"][:40],
            mailchimp_url=own["mailchimp_url"][:24],
        ),
    )


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: several of them share this process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


def _server(app: Any) -> Server:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    return Server(config)


def _port() -> socket.socket:
    # Only of sockets that name their protocol does asyncio switch off Nagle's delay, 40 ms an answer.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((HOST, 0))
    return found


async def serve(
    home: Path, plan: Plan, limits: Limits, faults: list[Fault] | None, while_used: Path | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, or until no process holds a lock on `while_used`.

    Raises WorldError when the home is in use or began otherwise.
    """
    # uvicorn calls an answer cut off on purpose an error; nothing else of it is worth a line here.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    world = World(home, plan)
    try:
        await _run(world, limits, faults, while_used)
    finally:
        world.close()


async def _until_unused(path: Path, stop: asyncio.Event) -> None:
    """Set `stop` once nobody holds a lock on the file: also a user that was killed has let go of it."""
    with path.open("ab") as handle:
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stop.set()
            await asyncio.sleep(UNUSED_POLL_SECONDS)


async def _run(world: World, limits: Limits, faults: list[Fault] | None, while_used: Path | None) -> None:
    if faults is not None:
        world.faults.replace(faults)
    violations = Violations()
    secrets = credentials(world.plan.seed)
    inbox = world.home / INBOX
    inbox.mkdir(exist_ok=True)
    write_exports(world.log, world.clock, inbox)
    ports = {name: _port() for name in ("hubspot", "intercom", "mailchimp", "mandrill", "control", "smtp")}
    address = {name: f"http://{HOST}:{port.getsockname()[1]}" for name, port in ports.items()}
    description: dict[str, Any] = {
        "hubspot": {"base_url": address["hubspot"], "token": secrets.hubspot},
        "intercom": {"base_url": address["intercom"], "token": secrets.intercom},
        "mailchimp": {"base_url": address["mailchimp"] + "/3.0", "api_key": secrets.mailchimp},
        "mandrill": {"base_url": address["mandrill"] + "/api/1.3", "key": secrets.mandrill},
        "webhooks": {f"{name}_secret": value for name, value in asdict(secrets.webhooks).items()},
        "smtp": {"url": address["smtp"].replace("http:", "smtp:")},
        "notify": {"url": address["control"].replace("http:", "json:") + "/notify"},
        "control": {"base_url": address["control"]},
        "inbox": str(inbox.resolve()),
        "clock": iso(world.clock),
        "pid": os.getpid(),
    }

    def write_description() -> None:
        description["clock"] = iso(world.clock)
        path = world.home / DESCRIPTION
        path.with_suffix(".new").write_bytes(orjson.dumps(description, option=orjson.OPT_INDENT_2))
        path.with_suffix(".new").replace(path)

    hubspot = HubSpotServer(world, secrets.hubspot, limits, violations, world.faults, time.monotonic)
    intercom = IntercomServer(world, secrets.intercom, limits, violations, time.time, time.monotonic)
    mailchimp = MailchimpServer(world, secrets.mailchimp, limits, violations)
    mailchimp_app = App(mailchimp, world.faults)
    mandrill = MandrillServer(world, secrets.mandrill, violations)
    webhooks = Webhooks(world, secrets.webhooks)
    servers = {
        "hubspot": _server(App(hubspot, world.faults)),
        "intercom": _server(App(intercom, world.faults)),
        "mailchimp": _server(mailchimp_app),
        "mandrill": _server(App(mandrill, world.faults)),
        "control": _server(Control(world, violations, inbox, write_description, webhooks)),
    }
    mailchimp_app.connections = lambda: len(servers["mailchimp"].server_state.connections)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(partial(mail.listener, mail.Sink(world)), sock=ports["smtp"])
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    running = [asyncio.create_task(server.serve([ports[name]])) for name, server in servers.items()]
    delivering = asyncio.create_task(webhooks.run())
    try:
        while not all(server.started for server in servers.values()):  # noqa: ASYNC110 - uvicorn tells no other way
            await asyncio.sleep(0.005)
        # The events live as long as the process; the collector need not walk them again and again.
        gc.collect()
        gc.freeze()
        write_description()
        print(orjson.dumps(description).decode(), flush=True)
        if while_used is not None:
            running.append(asyncio.create_task(_until_unused(while_used, stop)))
        await stop.wait()
    finally:
        (world.home / DESCRIPTION).unlink(missing_ok=True)
        for server in servers.values():
            server.should_exit = True
        smtp.close()
        delivering.cancel()
        await asyncio.gather(*running)
        with contextlib.suppress(asyncio.CancelledError):
            await delivering
        for port in ports.values():
            with contextlib.suppress(OSError):
                port.close()
    sys.stdout.flush()
