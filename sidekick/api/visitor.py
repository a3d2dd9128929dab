"""Who asks, as the gate has found out."""

from typing import Annotated

from fastapi import Depends, Request


def _name(request: Request) -> str:
    return request.state.visitor.name


By = Annotated[str, Depends(_name)]
"""The name that stands in the trail."""
