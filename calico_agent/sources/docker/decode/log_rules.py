"""The lines of calico/node's log that explain why it exited or does not get on, what they mean, and the cure.

A table, longer than other files because each line has its own sentence. Texts: node/pkg/lifecycle/startup/startup.go,
libcalico-go/lib/backend/etcdv3 and node/filesystem/etc/rc.local of projectcalico/calico@v3.31.7 and v3.32.1, BIRD
1.6.8's proto/bgp; the forms that differ in older releases are calico/node v1.0.0's and v1.3.0's, whose start-up begins
what ends it with `ERROR:`.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogRule:
    """A line that explains. Groups of `pattern` may be used in `sentence` and `cure`."""

    code: str
    pattern: re.Pattern[str]
    sentence: str
    cure: str


def _rule(code: str, pattern: str, sentence: str, cure: str) -> LogRule:
    return LogRule(code, re.compile(pattern), sentence, cure)


# The first rule that matches any line wins: what ends start-up stands before what only spoils it.
RULES = (
    _rule(
        "address-conflict",
        r"Calico node '(?P<node>[^']+)' is already using the IPv[46] address (?P<address>[0-9a-fA-F:.]+?)[.:]?(\s|$)",
        "calico/node refuses the address {address}: node {node} is already registered with it",
        "give this host an address of its own (IP=ADDRESS/LENGTH)",
    ),
    _rule(
        "address-conflict",
        r"IP address (?P<address>\S+) is already in use by host (?P<node>[^\s.]+)",
        "calico/node refuses the address {address}: node {node} is already registered with it",
        "give this host an address of its own (IP=ADDRESS/LENGTH)",
    ),
    _rule(
        "method-invalid",
        r"Invalid IP autodetection method: (?P<method>.*)",
        "calico/node gave up: IP_AUTODETECTION_METHOD={method} is none of its methods",
        "write interface=NAME, cidr=CIDR, can-reach=ADDRESS or first-found, or give the address itself (IP=)",
    ),
    _rule(
        "method-invalid",
        r"Invalid IP autodection method: (?P<method>.*)",  # so written up to v1.3.0
        "calico/node gave up: IP_AUTODETECTION_METHOD={method} is none of its methods",
        "write interface=NAME, can-reach=ADDRESS or first-found, or give the address itself (IP=)",
    ),
    _rule(
        "address-invalid",
        r"Environment does not contain a valid IPv[46] address: (?P<setting>\S+)",
        "calico/node gave up: {setting} is not an address",
        "give the host's address with its prefix length, for example IP=10.0.0.1/24",
    ),
    _rule(
        "address-not-found",
        r"Couldn't autodetect an? (management )?IPv(?P<family>[46]) address",
        "calico/node gave up: it found no IPv{family} address by its autodetection method",
        "give the address itself (IP=), or a method that finds it",
    ),
    _rule(
        "address-not-found",
        r"no IPv4 or IPv6 addresses configured or detected",
        "calico/node gave up: it was given no address of either family and found none",
        "give the address itself (IP=)",
    ),
    _rule(
        "name-invalid",
        r"Metadata\.Name = '(?P<name>[^']*)' \(name must consist of lower case",
        "calico/node gave up: {name!r} cannot be a node's name",
        "give a NODENAME of lower case letters, digits, `-` and `.`; also look into /var/lib/calico/nodename",
    ),
    _rule(
        "nodename-file-missing",
        r"/var/lib/calico/nodename does not exist, exiting",
        "calico/node gave up: it could not keep its name in /var/lib/calico/nodename",
        "mount the host's /var/lib/calico into the container",
    ),
    _rule(
        "mount-missing",
        r"Expected (?P<path>/\S+) to be mounted into the container but it wasn't",
        "calico/node misses its mount {path}",
        "mount the host's {path} into the container",
    ),
    _rule(
        "as-number-invalid",
        r"The AS number specified in the environment \((?P<setting>[^)]*)\) is not valid",
        "calico/node gave up: {setting} is not an AS number",
        "give a number, or leave AS empty: then the node has that of the cluster",
    ),
    _rule(
        "pools-forbidden-and-given",
        r"Invalid configuration with NO_DEFAULT_POOLS defined and CALICO_IPV4POOL_CIDR or CALICO_IPV6POOL_CIDR defined",
        "calico/node gave up: it was told to make no pool (NO_DEFAULT_POOLS) and given one (CALICO_IPV4POOL_CIDR or "
        "CALICO_IPV6POOL_CIDR)",
        "leave out the one or the other",
    ),
    _rule(
        "certificate-missing",
        r"(could not initialize etcdv3 client|Error accessing the Calico datastore): open (?P<path>\S+): (?P<error>.*)",
        "calico/node gave up: it cannot read {path}, the file with etcd's certificate or key ({error})",
        "mount the file into the container at {path}, or correct ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE",
    ),
    _rule(
        "datastore-type",
        r"unknown datastore type: (?P<type>.*)",
        "calico/node gave up: DATASTORE_TYPE={type} is none of its datastores",
        "write DATASTORE_TYPE=etcdv3",
    ),
    _rule(
        "datastore-settings",
        r"(no etcd endpoints specified|Cannot mix inline certificate-key and certificate / key files)",
        "calico/node gave up: its etcd settings do not fit together",
        "check ETCD_ENDPOINTS and the ETCD_*_FILE settings of the container",
    ),
    _rule(
        "datastore-certificate",
        r"(?P<error>x509: .*|remote error: tls: .*|tls: bad certificate.*)",
        "calico/node and its datastore do not accept each other's certificates: {error}",
        "check that the CA signed both certificates, that they are still valid and name the datastore's address",
    ),
    _rule(
        "datastore-unauthorized",
        r"connection is unauthorized: (?P<error>Unauthorized|\S+ (\S+ )?is forbidden: .*)",
        "the Kubernetes API refuses calico/node's account: {error}",
        "check calico/node's credential (in its KUBECONFIG, or the token of its pod's service account), and that its "
        "account has the ClusterRole calico-node of Calico's manifests",
    ),
    _rule(
        "datastore-unauthorized",
        r"(Connection to the datastore is unauthorized|connection is unauthorized)",
        "etcd refuses calico/node's user",
        "check ETCD_USERNAME and ETCD_PASSWORD, or the user of the client certificate, and its roles in etcd",
    ),
    _rule(
        "datastore-settings",
        r"(could not initialize etcdv3 client|Error loading datastore config): (?P<error>.*)",
        "calico/node gave up: it cannot use its etcd settings ({error})",
        "check the ETCD_* settings of the container",
    ),
    _rule(
        "datastore-settings",
        r"error #0: dial tcp (?P<address>127\.0\.0\.1:2379): (?P<error>.*)",
        "calico/node cannot reach its datastore at {address}, where it looks when it was given none: {error}",
        "give the container ETCD_ENDPOINTS; where etcd is meant to run on this host, start it",
    ),
    _rule(
        "datastore-plain",
        r"etcd cluster is unavailable or misconfigured; error #0: (?P<error>EOF)",
        "etcd closes calico/node's connection at once ({error}), as it does when it wants TLS and is asked without",
        "write https:// in the container's ETCD_ENDPOINTS, and give it the ETCD_*_FILE settings",
    ),
    _rule(
        "datastore-unreachable",
        r"etcd cluster is unavailable or misconfigured; error #0: (?P<error>[^\"]+)",
        "calico/node cannot reach its datastore: {error}",
        "check that etcd answers at the container's ETCD_ENDPOINTS from this host",
    ),
    _rule(
        "datastore-unreachable",
        r"(Hit error connecting to datastore - retry|Unable to access datastore to query node configuration"
        r"|etcd cluster is unavailable or misconfigured|Error accessing the Calico datastore: .*)",
        "calico/node cannot reach its datastore",
        "check that the datastore answers from this host, at the container's ETCD_ENDPOINTS or as its KUBECONFIG says",
    ),
    _rule(
        "tunnel-address-missing",
        r"Assigned 0 out of 1 requested IPv(?P<family>[46]) addresses",  # libcalico-go/lib/ipam/ipam.go
        "IPAM has no IPv{family} address for this node's end of the tunnels",
        "calicoctl ipam show --show-blocks: the node needs a free block in an enabled pool with that encapsulation; "
        "make one more pool",
    ),
    _rule(
        "start-up-error",
        r"^(ERROR: |.*\[FATAL\]\[[0-9/]+\] (startup|allocateip|utils)\S* \d+: )(?P<error>.*)",
        "calico/node gave up: {error}",
        "correct what that line names in the container's environment or in the datastore",
    ),
    _rule(
        "bgp-port-taken",
        r"bird: .*(Socket error: bind: Address already in use|listen: Address in use|Cannot open listening socket)",
        "BIRD cannot listen for its peers: another program has the BGP port",
        "find it with `ss -ltnp 'sport = :179'`; a BIRD or FRR of the host, or a second calico/node",
    ),
    _rule(
        "address-not-local",
        r"bird: (?P<session>\S+): Socket error: bind: Cannot assign requested address",
        "BIRD cannot use the registered address of this node: no link of this host has it",
        "register the host's own address (IP=)",
    ),
    _rule(
        "peer-as",
        r"bird: (?P<session>\S+): Error: Bad peer AS: (?P<number>\d+)",
        "the peer of {session} speaks for AS {number}, another than expected",
        "compare spec.bgp.asNumber of both nodes, and the BGPPeer resources",
    ),
    _rule(
        "address-kept",
        r"Autodetection of IPv(?P<family>[46]) address failed, keeping existing value: (?P<address>\S+)",
        "calico/node found no IPv{family} address and runs on with {address}, which was registered before",
        "give the address itself (IP=), or a method that finds it",
    ),
    _rule(
        "address-not-local",
        r"(Unable to confirm IPv[46] address (?P<address>\S+) is assigned to this host"
        r"|unable to find parent interface with address)",
        "calico/node registered an address that no link of this host has",
        "register the host's own address (IP=)",
    ),
)

WAITS = _rule(
    "datastore-waiting",
    r"(Skipping datastore connection test|Checking datastore connection"
    r"|Upgrading any IPAM affinities from older versions)",
    "calico/node's start-up waits for the datastore: that is its last line",
    "check that the datastore answers from this host, at the container's ETCD_ENDPOINTS or as its KUBECONFIG says; "
    "calico/node goes on by itself then",
)
