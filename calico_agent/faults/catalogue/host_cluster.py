"""Catalogue: what the Kubernetes cluster must be like for Calico, as far as this host sees it."""

from functools import partial

from calico_agent.faults.catalogue.entry import Entry
from calico_agent.model.finding import ConditionType

_entry = partial(Entry, condition=ConditionType.HOST_PREPARED)

ENTRIES = (
    _entry(
        "HOST-KUBELET",
        "the kubelet does not run on a host of a cluster",
        """\
The kubelet starts the pods of this host, and has Calico's CNI plugin called for each. Without it no
pod starts here, and those that run are not looked after.

Found among the processes that root runs, k3s and MicroK8s included, and by files that only a host
of a cluster has: /etc/kubernetes/kubelet.conf, /var/lib/kubelet/kubeconfig.

`systemctl restart kubelet`; `journalctl -u kubelet -n 50` says why it ended.""",
    ),
    _entry(
        "HOST-NETWORK-PLUGIN",
        "the kubelet does not call CNI plugins",
        """\
Up to Kubernetes v1.23 the kubelet itself has pods made by Docker, and calls CNI plugins with
--network-plugin=cni only. Without that pods get addresses of docker0, which all hosts have alike:
Calico does not know them, and no other host has a route to them. cri-dockerd has the same flag.

Found on the command line of the kubelet, or of cri-dockerd. Where containerd or CRI-O run the
containers, and since v1.24, the flag means nothing.

Add --network-plugin=cni to the command line (`systemctl cat kubelet`; kubeadm keeps it in
/var/lib/kubelet/kubeadm-flags.env), then restart the kubelet. Pods of before keep their addresses
until they are made anew.""",
    ),
    _entry(
        "HOST-KUBERNETES",
        "this Kubernetes is too old for this Calico",
        """\
NetworkPolicy is there since Kubernetes v1.3. Calico's own requirements say of v3.20 that it does
not work with Kubernetes before v1.16, and of v3.28 that it does not before v1.21.

Found by asking the kubelet's program for its version, else the API; the release of Calico is that
of its image, else the one that the datastore names.

Upgrade Kubernetes, or run a release of Calico that was made for it.""",
    ),
    _entry(
        "HOST-CNI",
        "the container runtime does not take Calico's CNI configuration",
        """\
The container runtime takes the first file of its folder, by name, and gives pods their network as
that says. Another plugin's file that was left behind, or a file that is no configuration, keeps
Calico's from being taken: pods get addresses of that other plugin, or do not start.

Found in the folder that the runtime's own configuration names (containerd, CRI-O, the kubelet's or
cri-dockerd's flags; /etc/cni/net.d by default), in the runtime's order. containerd stops at a file
that it cannot read, others pass over it.

Move the other file away, or give it a name that does not end in .conf, .conflist or .json. Where
Calico's file is missing, the install-cni container of its DaemonSet writes it when its pod starts.""",
    ),
    _entry(
        "HOST-CNI-PLUGIN",
        "a CNI plugin that pods need does not run",
        """\
The runtime calls the plugins that the configuration names one after the other: calico with its
calico-ipam, portmap, bandwidth and others, and loopback besides. If one is missing, or fails, no
pod starts on this host.

Found by looking for each program in the runtime's folders, and by asking it for the versions of CNI
that it speaks (CNI_COMMAND=VERSION), if only root can have written it.

install-cni writes those of Calico, and portmap, bandwidth, loopback and the like, when its pod
starts; these come with the package kubernetes-cni, too.
`CNI_COMMAND=VERSION /opt/cni/bin/NAME </dev/null` shows what is wrong.""",
    ),
    _entry(
        "HOST-KUBE-PROXY",
        "kube-proxy works in a way that this Calico cannot do with",
        """\
kube-proxy and Calico work on the same packets in the kernel. Calico v2.x needs kube-proxy in mode
iptables; ipvs does with it since v3.1, nftables since v3.29 where Felix works with nftables, too
(nftablesMode; since v3.32 it does as kube-proxy does). Without a kube-proxy no service can be
reached, unless Felix does its work (bpfEnabled).

Found by asking kube-proxy (/proxyMode on its own port), else on its command line and in its
configuration file.

Set `mode` in the ConfigMap kube-proxy of kube-system, and restart its DaemonSet:
`kubectl -n kube-system rollout restart daemonset kube-proxy`.""",
    ),
    _entry(
        "HOST-MASQUERADE-ALL",
        "kube-proxy hides which pod a packet to a service comes from",
        """\
With --masquerade-all (masqueradeAll) kube-proxy gives every packet to a service the address of its
host. Policy that lets certain pods in does not let them in by the service's address, and a policy
that lets the host in lets everybody in.

Found on kube-proxy's command line, or in its configuration file.

Set `masqueradeAll: false` in the ConfigMap kube-proxy of kube-system, and restart its DaemonSet:
`kubectl -n kube-system rollout restart daemonset kube-proxy`.""",
    ),
    _entry(
        "HOST-API-CREDENTIAL",
        "the Kubernetes API does not take a credential of Calico's",
        """\
The CNI plugin asks the API about each pod that it makes the network of; where Calico's data is in
the API, calico/node needs it for everything. A credential that is missing, over, or of another
cluster lets no new pod start here. A token of the CNI plugin is renewed by calico/node, which needs
a credential of its own for that.

Found by reading what the CNI configuration and calico/node's environment name, and by showing it to
the API, at most every ten minutes; it is never printed. An API that does not answer is no fault of
the credential.

Calico's install-cni writes a new one for the CNI plugin when its pod starts. Compare the date of
this host, and the authority in the file with that of the API's certificate.""",
    ),
    _entry(
        "HOST-RBAC",
        "a credential of Calico's may not do what it is for",
        """\
With RBAC the API lets an account do what roles that are bound to it allow. Where a binding or role
of Calico's is missing, the CNI plugin gets no answer about a pod, which then does not start; of
calico/node's other work parts fail.

Found by asking the API with that very credential, permission by permission
(SelfSubjectAccessReview), for what this release of Calico needs; nothing is changed by that.

The finding has the commands that grant what is missing. The roles and bindings of the release are
in its manifest: `kubectl apply -f calico.yaml` puts all of them back.""",
    ),
)
