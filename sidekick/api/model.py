"""What the models of several nouns have in common."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Part of an answer, made of any object with such attributes."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class Asked(BaseModel):
    """What a query or a body asks for; a key that it does not know is refused, for it would do nothing."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Done(Model):
    """What came of a change."""

    message: str
    """In a sentence."""
