"""What Kubernetes on a host must be like: kubelet, CNI, kube-proxy, access to the API."""

from calico_agent.model.finding import ConditionType, Fault

HOST_KUBELET = Fault(
    code="HOST-KUBELET",
    title="the kubelet does not run on a host of a cluster",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
The kubelet starts the pods of this host, and has Calico's CNI plugin called for each. Without it no
pod starts here, and those that run are not looked after.

Found among the processes that root runs, k3s and MicroK8s included, and by files that only a host
of a cluster has: /etc/kubernetes/kubelet.conf, /var/lib/kubelet/kubeconfig.

`systemctl restart kubelet`; `journalctl -u kubelet -n 50` says why it ended.""",
)

HOST_NETWORK_PLUGIN = Fault(
    code="HOST-NETWORK-PLUGIN",
    title="the kubelet does not call CNI plugins",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
Up to Kubernetes v1.23 the kubelet itself has pods made by Docker, and calls CNI plugins with
--network-plugin=cni only. Without that pods get addresses of docker0, which all hosts have alike:
Calico does not know them, and no other host has a route to them. cri-dockerd has the same flag.

Found on the command line of the kubelet, or of cri-dockerd. Where containerd or CRI-O run the
containers, and since v1.24, the flag means nothing.

Add --network-plugin=cni to the command line (`systemctl cat kubelet`; kubeadm keeps it in
/var/lib/kubelet/kubeadm-flags.env), then restart the kubelet. Pods of before keep their addresses
until they are made anew.""",
)

HOST_KUBERNETES = Fault(
    code="HOST-KUBERNETES",
    title="this Kubernetes is too old for this Calico",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
NetworkPolicy is there since Kubernetes v1.3. Calico's own requirements say of v3.20 that it does
not work with Kubernetes before v1.16, and of v3.28 that it does not before v1.21.

Found by asking the kubelet's program for its version, else the API; the release of Calico is that
of its image, else the one that the datastore names.

Upgrade Kubernetes, or run a release of Calico that was made for it.""",
)

HOST_CNI = Fault(
    code="HOST-CNI",
    title="the container runtime does not take Calico's CNI configuration",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
The container runtime takes the first file of its folder, by name, and gives pods their network as
that says. Another plugin's file that was left behind, or a file that is no configuration, keeps
Calico's from being taken: pods get addresses of that other plugin, or do not start.

Found in the folder that the runtime's own configuration names (containerd, CRI-O, the kubelet's or
cri-dockerd's flags; /etc/cni/net.d by default), in the runtime's order. containerd stops at a file
that it cannot read, others pass over it.

Move the other file away, or give it a name that does not end in .conf, .conflist or .json. Where
Calico's file is missing, the install-cni container of its DaemonSet writes it when its pod starts.""",
)

HOST_CNI_PLUGIN = Fault(
    code="HOST-CNI-PLUGIN",
    title="a CNI plugin that pods need does not run",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
The runtime calls the plugins that the configuration names one after the other: calico with its
calico-ipam, portmap, bandwidth and others, and loopback besides. If one is missing, or fails, no
pod starts on this host.

Found by looking for each program in the runtime's folders, and by asking it for the versions of CNI
that it speaks (CNI_COMMAND=VERSION), if only root can have written it.

install-cni writes those of Calico, and portmap, bandwidth, loopback and the like, when its pod
starts; these come with the package kubernetes-cni, too.
`CNI_COMMAND=VERSION /opt/cni/bin/NAME </dev/null` shows what is wrong.""",
)

HOST_KUBE_PROXY = Fault(
    code="HOST-KUBE-PROXY",
    title="kube-proxy works in a way that this Calico cannot do with",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
kube-proxy and Calico work on the same packets in the kernel. Calico v2.x needs kube-proxy in mode
iptables; ipvs does with it since v3.1, nftables since v3.29 where Felix works with nftables, too
(nftablesMode; since v3.32 it does as kube-proxy does). Without a kube-proxy no service can be
reached, unless Felix does its work (bpfEnabled).

Found by asking kube-proxy (/proxyMode on its own port), else on its command line and in its
configuration file.

Set `mode` in the ConfigMap kube-proxy of kube-system, and restart its DaemonSet:
`kubectl -n kube-system rollout restart daemonset kube-proxy`.""",
)

HOST_MASQUERADE_ALL = Fault(
    code="HOST-MASQUERADE-ALL",
    title="kube-proxy hides which pod a packet to a service comes from",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
With --masquerade-all (masqueradeAll) kube-proxy gives every packet to a service the address of its
host. Policy that lets certain pods in does not let them in by the service's address, and a policy
that lets the host in lets everybody in.

Found on kube-proxy's command line, or in its configuration file.

Set `masqueradeAll: false` in the ConfigMap kube-proxy of kube-system, and restart its DaemonSet:
`kubectl -n kube-system rollout restart daemonset kube-proxy`.""",
)

HOST_API_CREDENTIAL = Fault(
    code="HOST-API-CREDENTIAL",
    title="the Kubernetes API does not take a credential of Calico's",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
The CNI plugin asks the API about each pod that it makes the network of; where Calico's data is in
the API, calico/node needs it for everything. A credential that is missing, over, or of another
cluster lets no new pod start here. A token of the CNI plugin is renewed by calico/node, which needs
a credential of its own for that.

Found by reading what the CNI configuration and calico/node's environment name, and by showing it to
the API, at most every ten minutes; it is never printed. An API that does not answer is no fault of
the credential.

Calico's install-cni writes a new one for the CNI plugin when its pod starts. Compare the date of
this host, and the authority in the file with that of the API's certificate.""",
)

HOST_RBAC = Fault(
    code="HOST-RBAC",
    title="a credential of Calico's may not do what it is for",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
With RBAC the API lets an account do what roles that are bound to it allow. Where a binding or role
of Calico's is missing, the CNI plugin gets no answer about a pod, which then does not start; of
calico/node's other work parts fail.

Found by asking the API with that very credential, permission by permission
(SelfSubjectAccessReview), for what this release of Calico needs; nothing is changed by that.

The finding has the commands that grant what is missing. The roles and bindings of the release are
in its manifest: `kubectl apply -f calico.yaml` puts all of them back.""",
)
