"""Questions to the Kubernetes API and its answers: what may I do (SelfSubjectAccessReview), and which version is it.

authorization.k8s.io/v1 is there since Kubernetes v1.6, v1beta1 since v1.3.
"""

import json

from calico_agent.model.host.kubernetes_api import Permission
from calico_agent.sources.decode_error import Malformed
from calico_agent.sources.json_object import JsonObject, parse_object, section, text

GROUP_VERSIONS = ("authorization.k8s.io/v1", "authorization.k8s.io/v1beta1")


def review_path(group_version: str) -> str:
    return f"/apis/{group_version}/selfsubjectaccessreviews"


def encode_review(group_version: str, permission: Permission) -> bytes:
    """The question, in all namespaces."""
    resource, _, sub = permission.resource.partition("/")
    asked = {"verb": permission.verb, "group": permission.group, "resource": resource, "subresource": sub}
    review = {"apiVersion": group_version, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": asked}}
    return json.dumps(review).encode()


def decode_review(body: bytes) -> bool:
    """Whether it may. Raises Malformed."""
    status = section(parse_object(body), "status")
    if type(status.get("allowed")) is not bool:
        raise Malformed("the answer to a SelfSubjectAccessReview says neither yes nor no")
    return bool(status["allowed"])


def decode_server_version(body: bytes) -> str:
    """Such as `v1.30.2`. Raises Malformed."""
    version = text(parse_object(body), "gitVersion")
    if version is None:
        raise Malformed("its version has no gitVersion")
    return version


def decode_refusal(body: bytes) -> str:
    """The API's own sentence in a Status, empty where there is none."""
    try:
        status: JsonObject = parse_object(body)
        return text(status, "message") or ""
    except Malformed:
        return ""
