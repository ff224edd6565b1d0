"""The model that the classifier asks: it finds something in most of what it is shown."""

from contextlib import AsyncExitStack
from random import Random
from typing import Final

from aiohttp import web

from tests.support.classifier_harness import error, message, messages_api

_VERDICTS: Final = (
    {"requested_human": 0.0, "frustrated": 0.1, "solved": 0.9, "intents": []},
    {"requested_human": 0.1, "frustrated": 0.8, "solved": 0.0, "intents": []},
    {"requested_human": 0.9, "frustrated": 0.3, "solved": 0.0, "intents": []},
)


class Model:
    """A local server of the Messages API; now and then it has too much to do, or talks nonsense."""

    def __init__(self, seed: str) -> None:
        self._random = Random(f"model {seed}")
        self._running = AsyncExitStack()

    async def start(self) -> dict[str, str]:
        """Start it; return the environment by which a classifier finds it."""
        api = await self._running.enter_async_context(messages_api())
        api(self._answer)
        return {"ANTHROPIC_API_KEY": "key-of-this-run", "ANTHROPIC_BASE_URL": api.url}

    async def stop(self) -> None:
        """End it."""
        await self._running.aclose()

    async def _answer(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002
        chance = self._random.random()
        if chance < 0.05:
            return error(529, "overloaded_error")
        if chance < 0.1:
            return web.json_response(message("I would rather not say."))
        return web.json_response(message(self._random.choice(_VERDICTS)))
