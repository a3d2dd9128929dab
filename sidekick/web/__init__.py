"""The page: what people see and do on port 2802, made on the server."""

from sidekick.web.site import install

__all__ = ["install"]
