"""How an endpoint may treat what it is sent."""

from aiohttp import web


async def refuse(body: bytes) -> web.Response:
    return web.Response(status=400, text="no_text")


async def be_away(body: bytes) -> web.Response:
    return web.Response(status=503)
