"""The AI agent's tools in an episode: calls, results, failures."""

from workers.contracts.events import ToolCall, ToolResult
from workers.conversation.state import ERROR_LIMIT, TOOLS, Episode, Tool, cut
from workers.redaction.redact import quote


def called(episode: Episode, calls: tuple[ToolCall, ...], event_id: str) -> None:
    """Note that an AI turn calls tools."""
    for call in calls:
        before = _known(episode, call.name)
        if before is None:
            tool = Tool(call.name, 1, 0, 0, 0, "called", event_id)
        else:
            tool = Tool(
                call.name,
                before.calls + 1,
                before.results,
                before.failures,
                before.failing,
                before.status if before.failing else "called",
                event_id,
                before.error,
            )
        _keep(episode, tool)


def answered(episode: Episode, result: ToolResult, event_id: str) -> None:
    """Note a tool's result; a success takes back the failures in a row, of this tool and of all."""
    before = _known(episode, result.name) or Tool(result.name, 0, 0, 0, 0, "called", event_id)
    failed = result.status != "ok"
    error = result.error if failed else None
    tool = Tool(
        result.name,
        before.calls,
        before.results + 1,
        before.failures + failed,
        before.failing + 1 if failed else 0,
        result.status,
        event_id,
        cut(quote(error, 0, len(error)), ERROR_LIMIT) if error else None,
    )
    _keep(episode, tool)
    episode.failing = episode.failing + 1 if failed else 0
    episode.tool_failures = max(episode.failing, *[tool.failing for tool in episode.tools])


def _known(episode: Episode, name: str) -> Tool | None:
    return next((tool for tool in episode.tools if tool.name == name), None)


def _keep(episode: Episode, tool: Tool) -> None:
    others = [other for other in episode.tools if other.name != tool.name]
    episode.tools = (*others[1 - TOOLS :], tool)
