"""The web console's addresses. So far: the doors that vendors push events to, and a sign of life."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from console.receiver import Receiver

# The door itself judges the method, so that a wrong one is counted.
_ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def make_app(receiver: Receiver) -> FastAPI:
    """The application around a receiver that is at work."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    # Plain routes: a delivery is raw bytes, and taking apart its parameters would double its cost.
    app.add_route("/health", _health, methods=["GET", "HEAD"])
    app.add_route("/webhooks/hubspot", _door(receiver, "hubspot"), methods=_ANY)
    app.add_route("/webhooks/intercom", _door(receiver, "intercom"), methods=_ANY)
    app.add_route("/webhooks/mailchimp/{secret}", _door(receiver, "mailchimp"), methods=_ANY)

    @app.exception_handler(HTTPException)
    async def elsewhere(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith("/webhooks"):
            return receiver.refuse("elsewhere", "wrong address")
        return JSONResponse({"detail": HTTPStatus(error.status_code).phrase}, error.status_code)

    return app


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _door(receiver: Receiver, source: str) -> Callable[[Request], Awaitable[Response]]:
    async def door(request: Request) -> Response:
        return await receiver.receive(source, request, request.path_params.get("secret"))

    return door
