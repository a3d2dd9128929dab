"""The two ways in which a template fails: before it runs, and while it runs."""


class TemplateError(ValueError):
    """A text that is no template. `position` counts characters from 0."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(position, message)
        self.position = position
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} (at character {self.position + 1})"


class TemplateExecutionError(Exception):
    """A rendering that had to stop. `partial` is what was written before, as Go leaves it on its writer."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.partial = ""
