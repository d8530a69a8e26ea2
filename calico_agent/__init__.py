"""calico-agent: start calico/node as the right node, keep it up, prove that every node's pods can be routed to.

   host   datastore   docker   kernel   BIRD                 outside; what the preflight needs beside (firewall,
     \\        |         |        |       /                   Kubernetes, disks, ...) is read in a thread of its own
      v       v         v        v      v
   +--------------- observe ----------------+    I/O in; each source has its own deadline
   |  read_*()  --raw-->  decode_*() --> value    decode is pure; cannot read -> Unreadable(source, reason)
   +----------------------------------------+
                   | Observation                 frozen, one instant
                   v
                identify                         pure: which address, which name, and why
                   | Identity
                   v
                verify                           pure: findings, conditions, root causes; `host`: the preflight's checks
                   | Assessment
                   v
                report                           pure: + since-times -> Report; text, JSON, metrics
                   | Report -----------> serve   one slot, read by HTTP and by `status`
                   v
                 plan                            pure: Report + attempts -> actions (mostly none)
                   | Action, ...
                   v
                  act                            I/O out: create, start, replace the container
                   .
                   . nothing returns; the next pass observes the world again

`agent` runs the stages in this order, the first three by `look`; the two alone know them all. Watchers only wake it.

Before all that a host is taken over: `adopt` (pure) makes the configuration out of what a unit, a `docker run`, Docker
or a manifest says of the calico/node that somebody else runs; `importing` and `manifest_split` are its commands.
"""

__version__ = "0.1.0"
