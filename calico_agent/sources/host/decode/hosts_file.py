"""The full name of this host by /etc/hosts (hosts(5)): the first name of the line that carries the host name.

`hostname --fqdn` would ask DNS next. That can take half a minute when the network is down, and a name that only DNS
knows is not one that calico/node or the kubelet uses by itself.
"""


def full_name(hosts: str, hostname: str) -> str:
    """The name with a domain, or empty when the file gives none."""
    for line in hosts.splitlines():
        _, *names = line.partition("#")[0].split() or [""]
        if hostname in names and "." in names[0]:
            return names[0]
    return ""
