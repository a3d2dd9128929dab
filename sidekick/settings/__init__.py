"""The only reader of configuration files, environment and secret files."""

from sidekick.settings.configuration import Configuration, OutputConfiguration, OutputOff
from sidekick.settings.problem import ConfigurationError, Place, Problem
from sidekick.settings.reader import load

__all__ = ["Configuration", "ConfigurationError", "OutputConfiguration", "OutputOff", "Place", "Problem", "load"]
