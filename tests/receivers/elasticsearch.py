"""Elasticsearch as a new and empty server: it has no template yet, and takes every document."""

import json

from sidekick.sdk import Answer, Request

VERSION = {"version": {"number": "8.19.21", "build_flavor": "default"}}


def accept(request: Request) -> Answer:
    if request.url.startswith("/_bulk"):
        count = request.body.count(b'{"create":{"_id"')
        return _json(200, {"errors": False, "items": [{"create": {"status": 201}}] * count})
    if request.url == "/":
        return _json(200, VERSION)
    return _json(404 if request.method == "GET" else 200, {})


def _json(status: int, body: object) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(body).encode())
