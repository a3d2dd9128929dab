"""A client of NATS Streaming for the tests, by the protocol's definition and not by the output's own reading of it."""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any

import nats
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from nats.aio.msg import Msg

from tests.services.streaming import CLUSTER, Streaming

# https://github.com/nats-io/stan.go/blob/main/pb/protocol.proto, what the tests need of it.
_DEFINITION: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "PubMsg": {
        "clientID": (1, Field.TYPE_STRING),
        "guid": (2, Field.TYPE_STRING),
        "subject": (3, Field.TYPE_STRING),
        "reply": (4, Field.TYPE_STRING),
        "data": (5, Field.TYPE_BYTES),
        "connID": (6, Field.TYPE_BYTES),
        "sha256": (10, Field.TYPE_BYTES),
    },
    "ConnectRequest": {
        "clientID": (1, Field.TYPE_STRING),
        "heartbeatInbox": (2, Field.TYPE_STRING),
        "protocol": (3, Field.TYPE_INT32),
        "connID": (4, Field.TYPE_BYTES),
        "pingInterval": (5, Field.TYPE_INT32),
        "pingMaxOut": (6, Field.TYPE_INT32),
    },
    "ConnectResponse": {
        "subRequests": (2, Field.TYPE_STRING),
        "closeRequests": (4, Field.TYPE_STRING),
        "error": (5, Field.TYPE_STRING),
    },
    "SubscriptionRequest": {
        "clientID": (1, Field.TYPE_STRING),
        "subject": (2, Field.TYPE_STRING),
        "inbox": (4, Field.TYPE_STRING),
        "maxInFlight": (5, Field.TYPE_INT32),
        "ackWaitInSecs": (6, Field.TYPE_INT32),
        "startPosition": (10, Field.TYPE_INT32),
    },
    "SubscriptionResponse": {"ackInbox": (2, Field.TYPE_STRING), "error": (3, Field.TYPE_STRING)},
    "MsgProto": {"sequence": (1, Field.TYPE_UINT64), "subject": (2, Field.TYPE_STRING), "data": (4, Field.TYPE_BYTES)},
    "CloseRequest": {"clientID": (1, Field.TYPE_STRING)},
}
_FIRST = 4  # StartPosition: from the first message on


def _classes() -> Mapping[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="stan.proto", package="stan", syntax="proto3")
    for name, fields in _DEFINITION.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            message.field.add(name=field, number=number, type=kind, label=Field.LABEL_OPTIONAL)  # type: ignore[reportArgumentType]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[reportUnknownMemberType]
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"stan.{name}")) for name in _DEFINITION}


MESSAGES = _classes()


async def stored(server: Streaming, channel: str) -> list[bytes]:
    """What a channel holds, from its first message on."""
    last = await asyncio.to_thread(server.last_sequence, channel)
    name, found, ended = f"reader-{uuid.uuid4()}", dict[int, bytes](), asyncio.Event()
    connection = await nats.connect(server.url)

    async def take(message: Msg) -> None:
        one = MESSAGES["MsgProto"].FromString(message.data)
        found[one.sequence] = one.data
        if one.sequence == last:
            ended.set()

    async def ask(to: str, request: str, response: str, **fields: Any) -> Any:
        message = MESSAGES[request](clientID=name, **fields)
        read = MESSAGES[response].FromString((await connection.request(to, message.SerializeToString(), 10)).data)
        assert not read.error
        return read

    try:
        beats, inbox = connection.new_inbox(), connection.new_inbox()
        await connection.subscribe(inbox, cb=take)
        known = await ask(f"_STAN.discover.{CLUSTER}", "ConnectRequest", "ConnectResponse", heartbeatInbox=beats)
        wanted = {"subject": channel, "inbox": inbox, "startPosition": _FIRST}
        limits = {"maxInFlight": 1 << 20, "ackWaitInSecs": 60}
        await ask(known.subRequests, "SubscriptionRequest", "SubscriptionResponse", **wanted, **limits)
        if last:
            await asyncio.wait_for(ended.wait(), 20)
        await connection.request(known.closeRequests, MESSAGES["CloseRequest"](clientID=name).SerializeToString())
    finally:
        await connection.close()
    return list(found.values())
