"""The application that serves the pages and the JSON API."""

from importlib.metadata import version

from fastapi import FastAPI

from sidekick.control import Service
from sidekick.web import install


def application(service: Service) -> FastAPI:
    app = FastAPI(
        title="sidekick",
        summary="Falco's alerts: what came, where it went, and what is blocked.",
        version=version("sidekick"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    install(app, service)
    return app
