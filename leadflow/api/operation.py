"""One endpoint of the API: what it takes, who may, what it answers. What is documented is what is enforced."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from leadflow.api.authentication import CredentialThrottle
from leadflow.api.errors import Refused
from leadflow.api.fields import Body
from leadflow.api.idempotency import run_once
from leadflow.api.permissions import Allowed, Operation
from leadflow.models import ApiKey
from leads.models import User
from leads.permissions import ACTIONS, can

Handler = Callable[..., Any]
WRITING = ("POST", "PATCH")


def operation(action: str, **told: Any) -> Callable[[Handler], Handler]:
    """Make a handler of an `Endpoint`: it is given `query` and, if it takes one, `body`, both checked.

    It returns a Response, or the data of one. A writing handler runs in one transaction and once for each
    Idempotency-Key.
    """
    about = Operation(action, **told)
    if unknown := {action, *about.also} - ACTIONS.keys():
        raise KeyError(f"unknown action: {unknown}")

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def checked(view: Endpoint, request: Request, **kwargs: Any) -> Response:
            kwargs["query"] = about.query.read(request.query_params)
            if request.method not in WRITING:
                return _answer(handler(view, request, **kwargs), about)
            return run_once(
                request,
                effect=lambda: _answer(handler(view, request, **kwargs | _body(about, request)), about),
                refuse=view.handle_exception,
            )

        checked.operation = about  # type: ignore[attr-defined]
        return checked

    return decorate


def _body(about: Operation, request: Request) -> dict[str, Any]:
    given = (about.body or Body)(data=request.data)
    given.is_valid(raise_exception=True)
    return {"body": given.validated_data} if about.body else {}


def _answer(result: Any, about: Operation) -> Response:
    return result if isinstance(result, Response) else Response(result, status=about.status)


class Endpoint(APIView):
    """Base of every API view."""

    http_method_names = ["get", "head", "post", "patch"]
    permission_classes = (Allowed,)
    throttle_classes = (CredentialThrottle,)
    tag: ClassVar[str] = ""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(415, "unsupported_encoding", "Send the body as it is, without Content-Encoding.")
        super().initial(request, *args, **kwargs)

    def get_throttles(self) -> list[BaseThrottle]:
        # Kept, so that the answer can say how much is left.
        self.throttle = CredentialThrottle()
        return [self.throttle]

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        if throttle := getattr(self, "throttle", None):
            for name, value in throttle.headers().items():
                final[name] = value
        return final

    @property
    def actor(self) -> User:
        """The person signed in, or the one a key acts as: whose rows these are."""
        user = self.request.user
        assert isinstance(user, User)
        return user

    def may(self, action: str) -> bool:
        """Tell whether whoever asks may also use `action`."""
        key = self.request.auth
        return can(key if isinstance(key, ApiKey) else self.actor, action)
