"""pygal, without the finder that it leaves in Python's import system."""

import sys

import pygal
from pygal.style import Style

# It finds plugins for maps, which are not used here, in a way that Python has given up: each import
# that finds nothing would warn.
sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, pygal.PluginImportFixer)]

__all__ = ["Style", "pygal"]
