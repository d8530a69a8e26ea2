"""How Calico's parts on this host get at the Kubernetes API, and what the API lets them do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum


class Holder(Enum):
    """Who uses a credential."""

    CNI = "the CNI plugin"
    NODE = "calico/node"


class Trouble(Enum):
    """Why a credential could not be tried, or is refused."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    CLEAR_TEXT = "clear text"
    UNREACHABLE = "unreachable"
    WRONG_CA = "wrong CA"
    WRONG_NAME = "wrong name"
    SERVER_EXPIRED = "server certificate expired"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NO_ANSWER = "no usable answer"


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One verb on one kind of resource, in any namespace. `resource` may name a subresource: `nodes/status`."""

    verb: str
    resource: str
    group: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.full_resource}"

    @property
    def full_resource(self) -> str:
        """As kubectl names it: `ippools.crd.projectcalico.org`, `nodes/status`."""
        name, slash, sub = self.resource.partition("/")
        return f"{name}{'.' if self.group else ''}{self.group}{slash}{sub}"


@dataclass(frozen=True, slots=True)
class ApiCredential:
    """What one of Calico's parts shows to the API, without the secret in it.

    `file` is where it is (a kubeconfig, a token), and `named_by` what names that file. `account` is as whom the API
    knows it: `system:serviceaccount:NAMESPACE:NAME`, or the name in a client certificate. `expires_at` is None for one
    that does not, or does not tell. `by_service`: the server is given by its cluster address, which works on a host
    only while kube-proxy does. `notice` and `last_call` are how long before its end people should hear of it, and act.
    """

    holder: Holder
    file: str
    named_by: str = ""
    server: str = ""
    account: str = ""
    expires_at: datetime | None = None
    token: bool = False
    by_service: bool = False
    notice: timedelta = timedelta(days=30)
    last_call: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """What came of one credential. `answers` are those to what was asked; a permission that is not there was not told.

    `detail` says more of `trouble`, in the words of the system or the API. `version` is that of the API's server.
    """

    credential: ApiCredential
    trouble: Trouble | None = None
    detail: str = ""
    version: str = ""
    answers: Mapping[Permission, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KubernetesApi:
    """The accesses that are configured here. `uses` are those of Calico's parts whose configuration was seen.

    A part of Calico that is in `uses` and has no access was given no credential. `policy`: the CNI plugin is told to
    ask the API about every pod.
    """

    accesses: tuple[ApiAccess, ...] = ()
    uses: frozenset[Holder] = frozenset()
    kubernetes_datastore: bool = False
    policy: bool = False
    local_ranges: bool = False

    def access_of(self, holder: Holder) -> ApiAccess | None:
        return next((one for one in self.accesses if one.credential.holder is holder), None)
