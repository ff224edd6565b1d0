"""The `demo` command: play conversations through the whole system, and check what happened."""

from workers.cli.demo.command import demo

__all__ = ["demo"]
