"""The table of Web API methods: a name, the arguments it takes, the function that answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.slack.sandbox.content import Arguments
from bot.slack.sandbox.errors import SlackRefusal
from bot.slack.sandbox.workspace import Workspace

Answer = dict[str, Any]
A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Call:
    """One call by the bot; `origin` is how it reached us, so links lead back the same way."""

    workspace: Workspace
    origin: str


@dataclass(frozen=True, slots=True)
class Method:
    arguments: type[Arguments]
    answer: Callable[[Call, Any], Answer]

    def __call__(self, call: Call, given: dict[str, Any]) -> Answer:
        try:
            arguments = self.arguments.model_validate(given)
        except ValidationError as error:
            wrong = [
                f"[ERROR] {found['msg']} [json-pointer:/{'/'.join(map(str, found['loc']))}]" for found in error.errors()
            ]
            raise SlackRefusal(_word_for(error), response_metadata={"messages": wrong}) from error
        return {"ok": True, **self.answer(call, arguments)}


METHODS: dict[str, Method] = {}


def method(name: str, arguments: type[A]) -> Callable[[Callable[[Call, A], Answer]], Callable[[Call, A], Answer]]:
    def register(answer: Callable[[Call, A], Answer]) -> Callable[[Call, A], Answer]:
        METHODS[name] = Method(arguments, answer)
        return answer

    return register


def find(name: str) -> Method:
    if name not in METHODS:
        raise SlackRefusal("unknown_method", req_method=name)
    return METHODS[name]


def _word_for(error: ValidationError) -> str:
    return (
        "invalid_blocks_format"
        if any(found["loc"][:1] == ("blocks",) for found in error.errors())
        else "invalid_arguments"
    )
