"""Where two requests differ, after what differs between any two: ids, order of Go's maps, JSON escapes.

A difference is a path into the request, such as `headers.user-agent` or `body[0].labels.tags`; of a text, the words
that are missing (`body-word`) and new (`body+word`).
"""

import base64
import binascii
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sidekick.event import NumberLiteral
from tests.outputs.captures import form, otlp
from tests.outputs.captures.recording import Capture
from tests.outputs.captures.sending import Sent

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INDEX = re.compile(r"\[(\d+)\]")
_ANY_CLIENT = {"host", "content-length", "accept-encoding", "connection"}


def differences(capture: Capture, sent: Sent, moved: dict[str, str]) -> list[str]:
    """`moved` says where a part of the capture stands in our request: {"body": "body[0]"}."""
    theirs = _theirs(capture)
    ours = _ours(sent, theirs["body"])
    if "host" not in theirs:
        del ours["host"]
    for path, place in moved.items():
        ours[path] = _at(ours, place)
    return [path for path in _walk(theirs, ours, "", capture) if not _volatile(path, capture)]


def _theirs(capture: Capture) -> dict[str, Any]:
    default_port = ":443" if capture.transport == "https" else ":80"
    host = {"host": capture.host.removesuffix(default_port)} if capture.host else {}
    return host | _normal(
        {
            "method": capture.method,
            "path": capture.path,
            "headers": {name: value for name, value in capture.headers.items() if name not in _ANY_CLIENT},
            "body": otlp.by_name(capture.body)
            if isinstance(capture.body, dict)
            else _parsed(capture.body or "", capture.headers),
        }
    )


def _ours(sent: Sent, their_body: Any) -> dict[str, Any]:
    request = sent.request
    headers = {name: value for name, value in request.headers.items() if name not in _ANY_CLIENT}
    if headers.get("accept") == "*/*":
        del headers["accept"]
    if not request.body and headers.get("content-type") == "application/octet-stream":
        del headers["content-type"]
    body = gzip.decompress(request.body) if headers.get("content-encoding") == "gzip" else request.body
    protobuf = headers.get("content-type") == otlp.CONTENT_TYPE
    return _normal(
        {
            "host": sent.host,
            "method": request.method,
            "path": request.url,
            "headers": headers,
            "body": otlp.decoded(body, their_body) if protobuf else _parsed(body.decode(), headers),
        }
    )


def _parsed(text: str, headers: Mapping[str, str]) -> Any:
    """A form, JSON, or a list of JSON lines, with numbers as they are written; otherwise the text."""
    if headers.get("content-type") == form.CONTENT_TYPE:
        return form.decoded(text)
    try:
        return _json(text)
    except ValueError:
        pass
    try:
        return [_json(line) for line in text.splitlines()]
    except ValueError:
        return text


def _json(text: str) -> Any:
    return json.loads(text, parse_int=NumberLiteral, parse_float=NumberLiteral)


def _normal(value: Any) -> Any:
    """Ids are alike, and JSON inside a text (in base64 too) is looked into."""
    if isinstance(value, dict):
        return {name: _normal(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if not isinstance(value, str):
        return value
    try:
        if value.startswith("eyJ"):
            return _normal(_json(base64.b64decode(value, validate=True).decode()))
        if value.startswith("{"):
            return _normal(_json(value))
    except (ValueError, binascii.Error):
        pass
    return _ID.sub("<id>", value)


def _walk(theirs: Any, ours: Any, path: str, capture: Capture) -> Iterator[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in sorted(theirs.keys() | ours.keys()):
            place = f"{path}.{name}".strip(".")
            if (name in theirs) != (name in ours):
                yield place
            elif name in theirs:
                yield from _walk(theirs[name], ours[name], place, capture)
        return
    any_order = "order" in capture.notes.get(path, "")
    if any_order and isinstance(theirs, str) and isinstance(ours, str):
        yield from _words(theirs, ours, path)
    elif isinstance(theirs, list) and isinstance(ours, list):
        if any_order:
            theirs, ours = sorted(theirs, key=repr), sorted(ours, key=repr)
        if len(theirs) != len(ours):
            yield path
        else:
            for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
                yield from _walk(one, other, f"{path}[{index}]", capture)
    elif theirs != ours:
        yield path


def _words(theirs: str, ours: str, path: str) -> Iterator[str]:
    before, after = (Counter(re.split(r"[ ,\n]+", text.strip())) for text in (theirs, ours))
    yield from (f"{path}-{word}" for word in before - after)
    yield from (f"{path}+{word}" for word in after - before)


def _volatile(path: str, capture: Capture) -> bool:
    """Whether nobody can say what stands there; where a note tells how it varies, it was compared so."""
    return any(
        _within(path, volatile) for volatile in capture.volatile if "order" not in capture.notes.get(volatile, "")
    )


def _within(path: str, volatile: str) -> bool:
    """`..` stands for any depth."""
    begin, anywhere, end = volatile.partition("..")
    return path.startswith(begin) and (not anywhere or end in path)


def _at(document: Any, path: str) -> Any:
    name, *rest = _INDEX.sub(r".\1", path).split(".")
    value = document[name]
    for index in rest:
        value = value[int(index)] if isinstance(value, list) else value[index]
    return value
