"""pygal, without the finder that it leaves in Python's import system."""

import sys

import pygal
from pygal.style import Style

# It is for maps that nobody has here, and of a kind that Python has given up: every import that
# finds nothing would warn.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]

__all__ = ["Style", "pygal"]
