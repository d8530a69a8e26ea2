"""etcd, the way to it, and what is in it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.campaign.deeds import on, pod_route, record, records
from tests.campaign.fault import fault
from tests.lab.datastore import HOST_CERTIFICATES
from tests.lab.image.keys import ENDPOINTS, POOLS, affinities_of
from tests.lab.lab import Lab

RECORDS = "/calico/"


@fault("host1", "DS-UNREADABLE", touches="datastore records")
def etcd_stopped(lab: Lab) -> Iterator[None]:
    """etcd is stopped."""
    lab.datastore.stop()
    yield
    lab.datastore.start()


@fault("host1", "DS-UNREADABLE", touches="datastore records")
def etcd_frozen(lab: Lab) -> Iterator[None]:
    """etcd is stopped by SIGSTOP: connections stay open, and nothing answers."""
    lab.datastore.freeze()
    yield
    lab.datastore.thaw()


@fault("host1", touches="datastore records")
def etcd_restarted(lab: Lab) -> Iterator[None]:
    """etcd is stopped and started at once."""
    lab.datastore.stop()
    lab.datastore.start()
    yield


@fault("host2", "DS-UNREADABLE", "HOST-ETCD", touches="datastore-of-host2")
def etcd_dropped(lab: Lab) -> Iterator[None]:
    """host2 drops every packet to etcd."""
    on(lab, "host2", "iptables -I OUTPUT -p tcp --dport 2379 -j DROP")
    yield
    on(lab, "host2", "iptables -D OUTPUT -p tcp --dport 2379 -j DROP")


@fault("host2", "DS-UNREADABLE", "HOST-ETCD", touches="datastore-of-host2")
def etcd_refused(lab: Lab) -> Iterator[None]:
    """host2 rejects every packet to etcd."""
    on(lab, "host2", "iptables -I OUTPUT -p tcp --dport 2379 -j REJECT")
    yield
    on(lab, "host2", "iptables -D OUTPUT -p tcp --dport 2379 -j REJECT")


@fault("host1", "DS-SHRUNK", touches="datastore records")
def etcd_emptied(lab: Lab) -> Iterator[None]:
    """All of Calico's keys are deleted at once; in the end they are written again."""
    kept = records(lab, RECORDS)
    lab.datastore.delete(RECORDS, prefix=True)
    yield
    for key, value in kept.items():
        lab.datastore.put(key, value)


@fault("host1", "DS-BAD-KEY", touches="bad-key records")
def value_without_sense(lab: Lab) -> Iterator[None]:
    """A BGPFilter's value is no JSON document."""
    with record(lab, "/calico/resources/v3/projectcalico.org/bgpfilters/broken", '{"kind": "BGPFilter", "spec": 7}'):
        yield


@fault("host3", "DS-FILE", "HOST-CERTIFICATE", touches="certificates-of-host3", patience=150.0)
def certificate_gone(lab: Lab) -> Iterator[None]:
    """The certificate for etcd is moved away on host3."""
    file = Path(lab.host("host3").root, HOST_CERTIFICATES.lstrip("/"), "cert.crt")
    kept = file.with_name("kept.crt")
    file.rename(kept)
    yield
    kept.rename(file)


@fault("host3", "DS-FILE", "HOST-CERTIFICATE", touches="certificates-of-host3", patience=150.0)
def certificate_of_another_key(lab: Lab) -> Iterator[None]:
    """The certificate for etcd on host3 is the one of the authority, which does not belong to the key."""
    folder = Path(lab.host("host3").root, HOST_CERTIFICATES.lstrip("/"))
    kept = (folder / "cert.crt").read_bytes()
    shutil.copy(folder / "ca_cert.crt", folder / "cert.crt")
    yield
    (folder / "cert.crt").write_bytes(kept)


@fault("host1", "RT-POOL-GONE", touches="pool records")
def pool_deleted(lab: Lab) -> Iterator[None]:
    """The pool is deleted while its addresses are in use."""
    (key,) = records(lab, POOLS)
    with record(lab, key, None):
        yield


@fault("host1", "RT-NOT-EXPORTED", touches="pool records")
def pool_not_exported(lab: Lab) -> Iterator[None]:
    """The pool has disableBGPExport, and BGP is what its routes need."""
    ((key, text),) = records(lab, POOLS).items()
    value = json.loads(text)
    value["spec"]["disableBGPExport"] = True
    with record(lab, key, json.dumps(value)):
        yield


@fault("host3", "RT-DUPLICATE-AFFINITY", touches="blocks records")
def block_of_two_nodes(lab: Lab) -> Iterator[None]:
    """host3 gets an affinity for host2's block."""
    ((key, value),) = records(lab, affinities_of("host2")).items()
    with record(lab, key.replace("/host2/", "/host3/"), value):
        yield


@fault("host2", "RT-UNCLAIMED", touches="blocks records")
def affinity_deleted(lab: Lab) -> Iterator[None]:
    """The affinity of host2's block is deleted: its BIRD does not advertise it any more."""
    (key,) = records(lab, affinities_of("host2"))
    with record(lab, key, None):
        yield


@fault("host2", "RT-WORKLOAD-UNKNOWN", touches="pods-of-host2 records")
def pod_record_deleted(lab: Lab) -> Iterator[None]:
    """The record of host2's pod is deleted, and its route."""
    pod, link = pod_route(lab, "host2")
    (key,) = (one for one, value in records(lab, ENDPOINTS).items() if f"{pod}/32" in value)
    with record(lab, key, None):
        lab.exec("host2", "ip", "route", "del", pod)  # Felix takes it away as well
        yield
    on(lab, "host2", f"ip route replace {pod} dev {link} scope link")


@fault("host3", "RT-WORKLOAD-ELSEWHERE", touches="pods-of-host3 records")
def pod_record_of_another_node(lab: Lab) -> Iterator[None]:
    """The record of host3's pod says that it is on host2."""
    pod, link = pod_route(lab, "host3")
    ((key, text),) = ((one, value) for one, value in records(lab, ENDPOINTS).items() if f"{pod}/32" in value)
    value = json.loads(text)
    value["spec"]["node"] = "host2"
    with record(lab, key, json.dumps(value)):
        yield
    on(lab, "host3", f"ip route replace {pod} dev {link} scope link")
