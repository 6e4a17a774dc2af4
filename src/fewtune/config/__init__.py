"""Typed, frozen options: one set of names for YAML, the command line and Python."""

from fewtune.config.base import Config as Config
