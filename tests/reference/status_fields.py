"""What each field of `status --json` says. A line each: its path, its type, a sentence.

In a path `[]` is each element of a list. A type that ends in `?` may be null: what is not known. `time` is RFC 3339 in
UTC. Types are those of JSON Schema otherwise. A field that no line tells fails the test beside this module.
"""

from typing import NamedTuple

_FINDING = """
code          string   Its code. Codes and reasons are for programs; every other text may be reworded.
subject       string   What it is about: a node, an address, a prefix, a session.
severity      string   `error`, `warning` or `info`.
condition     string   The condition that it makes False.
what          string   What was found.
why           string   How that is known.
effect        string   What follows for the traffic, where it is known.
cure          string   What to do, as a command where there is one.
node          string?  The node that it is about.
prefix        string?  The prefix that it is about.
"""

_ADDRESS = """
wanted                     boolean  True if the family is used.
chosen                     string?  The address with the length of its prefix.
link                       string   The link that carries it.
rule                       string   The rule that decided.
refusal                    string   Why none was chosen.
refusal_code               string   The code of that.
candidates[]               object   Every address of every link.
candidates[].address       string   The address with the length of its prefix.
candidates[].link          string   Its link.
candidates[].accepted      boolean  True if it can be chosen.
candidates[].reason        string   What speaks against it, for programs.
candidates[].evidence      string   How that is known.
candidates[].yields        string   Stronger evidence that refutes what speaks against it.
opinions[]                 object   What each rule says.
opinions[].rule            string   The rule.
opinions[].answers[]       string   The addresses that it names.
opinions[].stand           string   How that stands to the decision.
opinions[].detail          string   How the rule came to it.
calico[]                   object   What Calico's own methods would have taken, in the same form.
calico[].rule              string   The method.
calico[].answers[]         string   The addresses that it names.
calico[].stand             string   How that stands to the decision.
calico[].detail            string   How the method came to it.
lost                       object?  The last choice, where it is gone.
lost.address               string   Its address.
lost.link                  string   Its link.
lost.since                 time     When it was chosen.
lost.why                   string   Why it cannot be chosen any more.
"""

_BEFORE = """
schema                           integer  Counts up when a field changes its meaning or goes.
at                               time     The instant that all of this is about.
healthy                          boolean  True if all conditions are True, no problem is confirmed, the agent is alive.
verdict                          string   The host in one sentence.
ready                            boolean  What `/readyz` answers.
not_ready[]                      string   Why it is not ready.
stuck[]                          string   Parts of the agent that gave no sign of life: then all else is old.
host                             string?  The host name.
identity                         object   Who this host should be, and why.
identity.complete                boolean  True if a name and each wanted address were chosen.
identity.name                    object   The node name.
identity.name.name               string?  The name.
identity.name.source             string   Where it comes from.
identity.name.refusal            string   Why there is none.
identity.name.refusal_code       string   The code of that.
identity.name.sources[]          object   Every place that names this host.
identity.name.sources[].source   string   The place.
identity.name.sources[].name     string   The name there.
identity.name.sources[].stand    string   How that stands to the decision.
identity.name.sources[].where    string   The file or record.
identity.ipv4                    object   The IPv4 address.
identity.ipv6                    object   The IPv6 address.
"""

_MIDDLE = """
conditions[]             object   The six conditions.
conditions[].type        string   Its name.
conditions[].status      string   `True`, `False` or `Unknown`.
conditions[].reason      string   Why, as one word for programs.
conditions[].message     string   Why, as a sentence.
conditions[].since       time     Since when it has this status.
problems[]               object   The problems, each with its cause. The most urgent first.
"""

_PROBLEM = """
since             time     Since when it is seen.
confirmed         boolean  True if it has lasted for `[agent] hold_down_seconds`. Before that it is a suspicion.
confirmed_at      time?    When it was confirmed, or will be.
times             integer  How often it came, for one that comes and goes.
away              boolean  True if it is not there at this moment.
consequences[]    object   What it explains, in the form of a problem without its times.
"""

_AFTER = """
unreadable[]                       object   The sources that could not be read.
unreadable[].source                string   The source.
unreadable[].code                  string   What kind of trouble it is, for programs.
unreadable[].reason                string   Why it could not be read.
container                          object?  The calico/node container that the conditions speak of.
container.id                       string   Its id; empty for a unit.
container.name                     string   Its name.
container.image                    string   Its image as it was asked for.
container.state                    string   In Docker's words: `running`, `exited`, `paused`, ...
container.exit_code                integer? How it ended.
container.managed                  boolean  True if calico-agent made it.
container.spec_hash                string   The hash of what it was made from.
container.started_at               time?    When it started last.
container.finished_at              time?    When it ended last.
container.runtime                      string?  What runs it: `docker`, `containerd`, `cri-o`, `podman`, `systemd`.
container.pod                          string?  The pod that it is part of, as `namespace/name`.
container.restarts                     integer  How often Docker or the kubelet has started it again.
container_known                    boolean  False if Docker cannot say whether there is one.
stage                              object?  How far calico/node has come since it was started.
stage.name                         string   `created`, `starting`, `programs up` or `ready`.
stage.evidence                     string   What shows it.
supervision                        object   What the agent does about the container.
supervision.doing                  string   That in one sentence.
supervision.starts                 integer  How often it has started the container.
supervision.restarts               integer  How often one that had run before.
supervision.failures               integer  Starts in a row that did not last.
supervision.next_attempt           time?    When it tries again.
supervision.pull                   object?  The last fetching of the image.
supervision.pull.image             string   The image.
supervision.pull.started_at        time     When it began.
supervision.pull.ended_at          time?    When it ended; null while it goes on.
supervision.pull.error             string   Why it failed.
supervision.pull.failures          integer  Fetchings in a row that failed.
supervision.pull.layers            integer  Layers that are known so far.
supervision.pull.layers_done       integer  Layers that are there.
supervision.pull.bytes_fetched     integer  Bytes that are there.
supervision.pull.bytes             integer  Bytes of the layers that are known so far.
supervision.order                  object?  What somebody asked for a moment ago (`restart-node`, `forget identity`).
supervision.order.id               string   Tells it from others.
supervision.order.deed             string   What is to be done.
supervision.order.by               string   Who asked.
supervision.order.why              string   The reason that was given.
supervision.order.obeyed           boolean  True if it was done.
paused                             object?  The pause that holds (`calico-agent pause`). It is no fault.
paused.id                          string   Tells it from others.
paused.by                          string   Who paused the agent.
paused.why                         string   The reason that was given.
paused.since                       time     Since when.
paused.until                       time?    When it ends by itself; null where somebody has to end it.
datastore                          object   What the expectation rests on.
datastore.origin                   string?  Where its address comes from.
datastore.revision                 integer? etcd's revision of it.
datastore.read_at                  time?    When it was last known to be current.
datastore.current                  boolean  False if it is an earlier reading, or none.
datastore.nodes                    integer? How many nodes have a record.
name_claim_known                   boolean  False if etcd was not read.
name_claim                         object?  The machine that has claimed the node name in etcd.
name_claim.hostname                string   Its host name.
name_claim.address                 string?  Its address.
name_claim.machine_id              string?  Its machine-id; on the unix socket only.
name_claim.since                   time?    Since when.
name_claim.alive                   boolean  True if it gave a sign of life within 60 seconds.
sessions[]                         object   BIRD's BGP sessions.
sessions[].name                    string   BIRD's name for it.
sessions[].peer                    string   The peer's address.
sessions[].node                    string?  The peer's node.
sessions[].type                    string   Calico's word for the kind of peer.
sessions[].established             boolean  True if it is established.
sessions[].protocol_state          string   BIRD's state of the protocol.
sessions[].bgp_state               string   The BGP state (RFC 4271), empty where BIRD names none.
sessions[].since                   time?    Since when it has that state.
sessions[].since_text              string   That in BIRD's words.
sessions[].last_error              string   BIRD's last error.
sessions[].imported                integer? Routes that came by it.
sessions[].exported                integer? Routes that went by it.
sessions[].flaps                   integer  How often it went down since the agent started.
sessions[].last_failure            string?  What BIRD said last of a failure; BIRD forgets it when the session is up.
sessions[].last_failure_at         time?    When that was seen.
sessions_known                     boolean  False if a BIRD could not be asked.
routes                             object?  The routes that this host should have to the pods of other nodes.
routes.expected                    integer  How many there should be.
routes.present                     integer  How many are there and right.
routes.missing                     integer  How many are not there.
routes.wrong                       integer  How many lead elsewhere.
routes.stale                       integer  Routes to pods that nobody expects any more.
routes.nodes_without_route         integer  Nodes to whose pods no route leads.
routes.left_out                    integer  Blocks that may have a route or not: Felix is told to write none.
preflight                          object   The checks of the preflight.
preflight.prepared                 boolean? True if none fails; null before they were made.
preflight.counts                   object   How many there are of each verdict.
preflight.counts.ok                integer  Nothing is wrong.
preflight.counts.warning           integer  It works now, or may not matter here.
preflight.counts.failure           integer  Calico does not work with this.
preflight.counts.not_applicable    integer  This Calico does not need it.
preflight.counts.unknown           integer  It could not be read.
preflight.checks[]                 object   The checks that are not ok.
preflight.checks[].code            string   Its code.
preflight.checks[].subject         string?  What tells it from others of that code.
preflight.checks[].verdict         string   One of the verdicts above.
preflight.checks[].what            string   What was found.
preflight.checks[].why             string?  Why it matters.
preflight.checks[].cure            string?  What to do.
agent                              object   The agent itself.
agent.version                      string   Its version.
agent.mode                         string   `observe` or `supervise`.
agent.started_at                   time     When it started.
agent.pass_seconds                 number   How long the last pass took.
agent.doing                        string?  What it does at this moment.
agent.configuration                object   The configuration in use.
agent.configuration.taken_at       time?    When it was read.
agent.configuration.reload_failed  boolean  True if the last reload was refused.
agent.configuration.refused[]      string   Why what is on disk cannot be used.
"""


class Field(NamedTuple):
    """One field."""

    path: str
    type: str
    nullable: bool
    sentence: str


def _fields(block: str, below: str = "") -> tuple[Field, ...]:
    lines = (line.split(maxsplit=2) for line in block.splitlines() if line)
    return tuple(Field(below + path, kind.rstrip("?"), kind.endswith("?"), text) for path, kind, text in lines)


FIELDS = (
    *_fields(_BEFORE),
    *_fields(_ADDRESS, "identity.ipv4."),
    *_fields(_ADDRESS, "identity.ipv6."),
    *_fields(_MIDDLE),
    *_fields(_FINDING + _PROBLEM, "problems[]."),
    *_fields(_FINDING, "problems[].consequences[]."),
    *_fields(_AFTER),
)
