"""Puts the data files into the wheel; an editable installation finds them in the checkout."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataFiles(BuildHookInterface[Any]):
    """Maps the data files to where `workers.data` looks for them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to every build but an editable one."""
        if version != "editable":
            build_data["force_include"] |= {
                name: f"workers/_data/{name}"
                for name in ("schemas", "policies", "vendors", "topics.yaml", "playbook.yaml")
            }
