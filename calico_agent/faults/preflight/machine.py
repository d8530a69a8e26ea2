"""What else a host must offer: disks, Docker, certificates, pools and CNIs that leave room."""

from calico_agent.faults.scopes import this_host
from calico_agent.model.finding import ConditionType, Fault, Severity

HOST_DISK = Fault(
    code="HOST-DISK",
    title="there is no room left, or nothing may be written",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
Docker keeps images and containers in its data root; calico/node writes its node name to
/var/lib/calico and logs to /var/log/calico, and calico-agent keeps what it knows in its state_dir.
Without room, or inodes, containers can neither be made nor replaced, and programs end half-way.

Found by asking the file systems of these folders (statvfs) and the mount table of process 1.
Nearly full is less than 10 % and less than 1 GiB (5 % and 10,000 inodes), full is less than 1 % and
less than 64 MiB.

`docker system df` and `du -x` show what takes the room. `dmesg` says why the kernel made a file
system read-only: as a rule its disk has errors.""",
)

HOST_DOCKER = Fault(
    code="HOST-DOCKER",
    title="Docker is set so that calico/node cannot run as it must",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
calico/node needs a privileged container in the network of this host. A rootless Docker and
sandboxes (gVisor, Kata, Sysbox) as default runtime have no such thing. With userns-remap dockerd
makes it only with --userns=host, as calico-agent does. Storage that cannot remove containers, or
that fills up unseen, keeps them from being replaced.

Found in what dockerd says of itself (`docker info`). live-restore that is off is told, and no
fault: calico/node ends and comes back with dockerd, and routes stay meanwhile.

The finding names the setting; most are in /etc/docker/daemon.json.""",
)

HOST_CERTIFICATE = Fault(
    code="HOST-CERTIFICATE",
    title="a certificate or key for etcd is of no use",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
calico-agent, calico/node and Calico's CNI plugin show a certificate to etcd, and believe an etcd
that is of an authority which they know. Programs that run keep their connections; at their next
start, or when etcd restarts, they stay outside.

Found by reading the files: whether they are there, in the form PEM, valid, for a client, and
whether key and certificate belong to each other. A certificate of another authority than etcd's is
no fault: etcd says whether it believes it (HOST-ETCD).

Renew it, in the same place. A container that has mounted the file alone must be started again to
see another one (SV-CERTIFICATE).""",
)

HOST_ETCD = Fault(
    code="HOST-ETCD",
    title="a member of etcd and this host do not believe each other",
    condition=ConditionType.HOST_PREPARED,
    explained_by=(this_host(HOST_CERTIFICATE),),
    explanation="""\
The certificate of that member is for another name or address than its endpoint, of an authority
that is not in ca_file, or expired; or it does not accept this host's certificate. Programs turn
to the other members, so that nobody notices, until those are away.

Found by a TLS handshake with each endpoint, with the files of calico-agent.

`openssl s_client -connect HOST:2379 -showcerts` shows what it presents. It needs a certificate with
the name or address of the endpoint as subjectAltName, and extendedKeyUsage serverAuth.""",
)

HOST_EXPIRY = Fault(
    code="HOST-EXPIRY",
    title="a certificate expires soon",
    severity=Severity.WARNING,
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
Nothing is wrong yet. From its end on, programs that show it or are shown it do not reach etcd any
more; those that run keep their connections until etcd or they start again.

Found in the files that HOST-CERTIFICATE names, and in the handshake of HOST-ETCD: a warning 30 days
before the end, a failure 3 days before. For certificates that live no longer than 90 days it is a
third and a tenth of their life, as something renews them all the time.

Renew it. kubeadm and most playbooks do that for all at once: look at the certificates of the other
hosts, and of etcd itself, too.""",
)

HOST_POOL = Fault(
    code="HOST-POOL",
    title="a pool shares addresses with something that is not pods",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
The addresses of pods must be nobody else's. With the range of service addresses, packets for a pod
go to a service; with a network of Docker's, its containers do not reach the pod; two pools that
overlap take each other's encapsulation and NAT for theirs.

Found by comparing the pools, and one that calico/node is told to make, with each other, with
Docker's networks, with the networks of this host while no pod has an address yet (later that is
RT-OVERLAP), and with service addresses: of kube-apiserver and kube-controller-manager where they
run here, kube-ipvs0, BGPConfiguration.

Choose a pool that overlaps nothing: create it, disable the old one, and make the pods anew.""",
)

HOST_OTHER_CNI = Fault(
    code="HOST-OTHER-CNI",
    title="another network for pods is in Calico's way",
    condition=ConditionType.HOST_PREPARED,
    explanation="""\
A link of flannel, weave, Cilium or another has an address of Calico's pool, which Calico may give
to a pod one day; or a VXLAN device has the VNI and the UDP port that Calico's needs, and the kernel
makes no second one.

Found by the names, addresses and VXLAN settings of this host's links. Files behind Calico's in
/etc/cni/net.d and links without such an address are told, and do no harm. Where Calico leaves the
network of pods to another (canal, CALICO_NETWORKING_BACKEND=none) this does not apply.

`ip link del NAME` once no pod of the other CNI runs here; its daemon makes it anew while it runs.""",
)
