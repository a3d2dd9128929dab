"""The proxy between us and a destination, as the environment names it."""


def proxy_of(scheme: str, host: str) -> str | None:
    """What HTTP_PROXY, HTTPS_PROXY (the destination's scheme decides) and NO_PROXY say; a login may be in its URL."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  (only who sends by HTTP pays for it)

    proxy = getproxies().get(scheme)
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
