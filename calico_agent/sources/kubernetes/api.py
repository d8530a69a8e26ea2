"""Asks the Kubernetes API with a credential of Calico's what that may do: by SelfSubjectAccessReview, which changes
nothing and which everybody may ask."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Self

from urllib3.exceptions import HTTPError

from calico_agent import __version__
from calico_agent.model.host.kubernetes_api import ApiAccess, Permission, Trouble
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.kubernetes.api_credentials import ApiSecret
from calico_agent.sources.kubernetes.decode.access_review import (
    GROUP_VERSIONS,
    decode_refusal,
    decode_review,
    decode_server_version,
    encode_review,
    review_path,
)
from calico_agent.sources.kubernetes.decode.api_login import ApiLogin
from calico_agent.sources.kubernetes.transport import RefusedError, explain, open_pool

_TIMEOUT = 3.0  # s, of one question
_DEADLINE = 8.0  # s, of all: the reader of the preflight waits for ten
_LONGEST_ANSWER = 1 << 16

_STATUSES = {401: Trouble.UNAUTHORIZED, 403: Trouble.FORBIDDEN}


def ask_api(secret: ApiSecret, permissions: Iterable[Permission]) -> ApiAccess:
    """Which of these it may. What is not answered in time stays unanswered."""
    access = ApiAccess(secret.credential)
    try:
        with _Api(secret.login) as api:
            access = replace(access, version=api.version())
            return replace(access, answers=api.may(permissions))
    except RefusedError as error:
        return replace(access, trouble=error.trouble, detail=error.detail)


class _Api:
    """One connection, kept for all questions."""

    def __init__(self, login: ApiLogin) -> None:
        self._deadline = time.monotonic() + _DEADLINE
        self._pool, self._prefix = open_pool(login)
        self._headers = {"User-Agent": f"calico-agent/{__version__}", "Accept": "application/json"}
        if login.token:
            self._headers["Authorization"] = f"Bearer {login.token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def version(self) -> str:
        try:
            return decode_server_version(self._ask("GET", "/version"))
        except Malformed as error:
            raise RefusedError(Trouble.NO_ANSWER, error.what) from None

    def may(self, permissions: Iterable[Permission]) -> Mapping[Permission, bool]:
        answers: dict[Permission, bool] = {}
        kinds = iter(GROUP_VERSIONS)
        kind = next(kinds)
        absent: dict[str, bool] = {"": False}
        for permission in permissions:
            if time.monotonic() > self._deadline:
                break
            if permission.group not in absent:
                absent[permission.group] = self._absent(permission.group)
            if absent[permission.group]:
                continue
            try:
                body = self._ask("POST", review_path(kind), encode_review(kind, permission))
            except _NotFoundError:
                kind = next(kinds, "")
                if not kind:
                    raise RefusedError(Trouble.NO_ANSWER, "it has no SelfSubjectAccessReview") from None
                body = self._ask("POST", review_path(kind), encode_review(kind, permission))
            try:
                answers[permission] = decode_review(body)
            except Malformed as error:
                raise RefusedError(Trouble.NO_ANSWER, error.what) from None
        return answers

    def _absent(self, group: str) -> bool:
        """Whether the API has no such group: nobody needs a permission in it then (Calico has two for its data)."""
        try:
            self._ask("GET", f"/apis/{group}")
        except _NotFoundError:
            return True
        return False

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            answer = self._pool.urlopen(
                method,
                self._prefix + path,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=max(0.1, min(_TIMEOUT, self._deadline - time.monotonic())),
            )
            content: bytes = answer.read(_LONGEST_ANSWER)
            answer.release_conn()
        except (HTTPError, OSError) as error:
            explain(error)
        if answer.status in {200, 201}:
            return content
        if answer.status == 404:
            raise _NotFoundError
        trouble = _STATUSES.get(answer.status, Trouble.NO_ANSWER)
        raise RefusedError(trouble, decode_refusal(content) or f"it answers with HTTP {answer.status}")


class _NotFoundError(RefusedError):
    def __init__(self) -> None:
        super().__init__(Trouble.NO_ANSWER, "it does not know what it was asked: it is no API of Kubernetes")
