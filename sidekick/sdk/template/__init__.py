from sidekick.sdk.template.error import TemplateError, TemplateExecutionError
from sidekick.sdk.template.event import GoEvent
from sidekick.sdk.template.template import Template, compile_template

__all__ = ["GoEvent", "Template", "TemplateError", "TemplateExecutionError", "compile_template"]
