"""Rule sets as the tools print them, of hosts of several kinds, and the firewall that they are."""

from calico_agent.model.network.firewall import Firewall, Tool
from calico_agent.sources.firewall.decode.iptables_save import decode_save

BARE = """
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
"""

DOCKER = """
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
"""

FELIX = """
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:cali-PREROUTING - [0:0]
:cali-from-host-endpoint - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A cali-PREROUTING -m comment --comment "cali:a" -j MARK --set-xmark 0x0/0xf0000
-A cali-PREROUTING -i cali+ -m comment --comment "cali:b" -j MARK --set-xmark 0x40000/0x40000
-A cali-PREROUTING -m comment --comment "cali:c" -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP
-A cali-PREROUTING -m comment --comment "cali:d" -m mark --mark 0x0/0x40000 -j cali-from-host-endpoint
-A cali-PREROUTING -m comment --comment "cali:e" -m mark --mark 0x10000/0x10000 -j ACCEPT
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD {forward} [0:0]
:OUTPUT ACCEPT [0:0]
:cali-FORWARD - [0:0]
:cali-INPUT - [0:0]
:cali-from-hep-forward - [0:0]
:cali-from-host-endpoint - [0:0]
:cali-from-wl-dispatch - [0:0]
:cali-to-hep-forward - [0:0]
:cali-to-wl-dispatch - [0:0]
:cali-wl-to-host - [0:0]
-A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
{input}-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
{before}{last}-A cali-FORWARD -m comment --comment "cali:f" -j MARK --set-xmark 0x0/0xe0000
-A cali-FORWARD -m comment --comment "cali:g" -m mark --mark 0x0/0x10000 -j cali-from-hep-forward
-A cali-FORWARD -i cali+ -m comment --comment "cali:h" -j cali-from-wl-dispatch
-A cali-FORWARD -o cali+ -m comment --comment "cali:i" -j cali-to-wl-dispatch
-A cali-FORWARD -m comment --comment "cali:j" -j cali-to-hep-forward
{within}-A cali-INPUT -p ipencap -m comment --comment "cali:k" -m set --match-set cali40all-hosts-net src -j ACCEPT
-A cali-INPUT -p ipencap -m comment --comment "cali:l" -j DROP
-A cali-INPUT -i cali+ -m comment --comment "cali:m" -g cali-wl-to-host
-A cali-INPUT -m comment --comment "cali:n" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A cali-INPUT -m comment --comment "cali:o" -j cali-from-host-endpoint
-A cali-from-wl-dispatch -m comment --comment "cali:p" -m comment --comment "Unknown interface" -j DROP
-A cali-to-wl-dispatch -m comment --comment "cali:q" -m comment --comment "Unknown interface" -j DROP
COMMIT
"""

_ACCEPTS = '-m comment --comment "cali:r" -m comment --comment "Policy explicitly accepted packet." -m mark --mark '

KUBE_PROXY = """
*filter
:INPUT ACCEPT [0:0]
:FORWARD {forward} [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-SERVICES -d 10.96.7.7/32 -p tcp -m comment --comment "a/b has no endpoints" -m tcp --dport 80 -j REJECT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-NPX46M4PTMTKRN6Y - [0:0]
:KUBE-SVC-TCOU7JCQXEZGVUNU - [0:0]
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp \
--dport 443 -j KUBE-SVC-NPX46M4PTMTKRN6Y
-A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m comment --comment "kube-system/kube-dns:dns cluster IP" -m udp \
--dport 53 -j KUBE-SVC-TCOU7JCQXEZGVUNU
-A KUBE-SVC-NPX46M4PTMTKRN6Y {source}-d 10.96.0.1/32 -p tcp -m comment --comment \
"default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-MARK-MASQ
-A KUBE-SVC-TCOU7JCQXEZGVUNU {source}-d 10.96.0.10/32 -p udp -m comment --comment \
"kube-system/kube-dns:dns cluster IP" -m udp --dport 53 -j KUBE-MARK-MASQ
-A KUBE-SVC-TCOU7JCQXEZGVUNU -m comment --comment "kube-system/kube-dns:dns -> 192.168.1.2:53" -j KUBE-SEP-A
COMMIT
"""


def felix(*, before: str = "", inner: str = "", forward: str = "ACCEPT", accepts_last: bool = True) -> str:
    """The rules of Felix around those of a host: `before` are rules of FORWARD, `inner` of INPUT."""
    accept = f"{_ACCEPTS}0x10000/0x10000 -j ACCEPT\n"
    return FELIX.format(
        before=before,
        input=inner,
        forward=forward,
        last=f"-A FORWARD {accept}" if accepts_last else "",
        within="" if accepts_last else f"-A cali-FORWARD {accept}",
    )


def kube_proxy(*, forward: str = "ACCEPT", masquerade_all: bool = False) -> str:
    """The rules of kube-proxy in iptables mode."""
    return KUBE_PROXY.format(forward=forward, source="" if masquerade_all else "! -s 192.168.0.0/16 ")


def firewall(text: str, tool: Tool = Tool.IPTABLES_NFT) -> Firewall:
    """What `iptables-save` printed, as the firewall of a host."""
    tables, masquerading = decode_save(tool, "ip", text, tool.value)
    return Firewall(tables, masquerading=masquerading)


def filtering(*rules: str, **policies: str) -> str:
    """A filter table with these rules."""
    chains = {"INPUT": "ACCEPT", "FORWARD": "ACCEPT", "OUTPUT": "ACCEPT", **policies}
    lines = (f":{chain} {policy} [0:0]" for chain, policy in chains.items())
    return "\n".join(("*filter", *lines, *rules, "COMMIT", ""))
