"""Sends one message to one route of notifier.yaml, as mail or as a webhook."""

from collections.abc import Sequence

import orjson

from workers.contracts.ids import derive
from workers.contracts.tickets import Notification
from workers.outbound.calls import Request
from workers.outbound.http_sending import Answer, Requester
from workers.outbound.mail import Mailer, message_id
from workers.outbound.notification_texts import mail_of, post_of
from workers.outbound.notifier_file import NotifierRoute, NotifierRoutes, Webhook
from workers.outbound.signatures import sign
from workers.outbound.trees import TreeError, render


class Messenger:
    """Sends messages to the routes of a file, without a memory of earlier ones."""

    def __init__(self, routes: NotifierRoutes) -> None:
        self._routes = routes
        self._requesters = {
            name: Requester(routes.file.limits)
            for name, route in routes.by_name.items()
            if route.webhook is not None
        }
        server = routes.file.mail
        self._mailer = None if server is None else Mailer(server, _password(routes))

    async def close(self) -> None:
        """Close the connections."""
        for requester in self._requesters.values():
            await requester.close()

    async def send(self, route: NotifierRoute, notifications: Sequence[Notification]) -> Answer:
        """Send one message to a route; never raises for what its server does."""
        ids = [one.notification_id for one in notifications]
        key = derive("notifier", route.route, *ids)
        if route.webhook is not None:
            return await self._post(route, route.webhook, notifications, key)
        server = self._routes.file.mail
        if self._mailer is None or server is None:
            raise AssertionError("a route of mail without a server")
        mail = mail_of(notifications, self._routes, route.language, route.mail)
        parts = (ids[0], route.route) if len(ids) == 1 else (key,)
        mail["Message-ID"] = message_id(server, *parts)
        return await self._mailer.send(mail)

    async def _post(
        self,
        route: NotifierRoute,
        webhook: Webhook,
        notifications: Sequence[Notification],
        key: str,
    ) -> Answer:
        post = post_of(webhook.format, notifications, self._routes, route.language)
        body = orjson.dumps(post)
        headers = {"content-type": "application/json"}
        if webhook.sign_with is not None:
            secret = self._routes.secrets[webhook.sign_with]
            headers |= sign("standard_webhooks", secret, key, body)
        try:
            url = render(webhook.url, self._routes.base)
        except TreeError as error:
            return Answer("refused", str(error))
        request = Request(route.route, "POST", url, headers, body, ())
        return await self._requesters[route.route].send(request)


def _password(routes: NotifierRoutes) -> str | None:
    server = routes.file.mail
    return None if server is None or server.password is None else routes.secrets[server.password]
