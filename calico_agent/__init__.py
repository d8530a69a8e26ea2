"""calico-agent: start calico/node as the right node, keep it up, prove that every node's pods can be routed to.

   host   datastore   docker   kernel   BIRD                 outside
     \\        |         |        |       /
      v       v         v        v      v
   +--------------- observe ----------------+    I/O in; each source has its own deadline
   |  read_*()  --raw-->  decode_*() --> value    decode is pure; cannot read -> Unreadable(source, reason)
   +----------------------------------------+
                   | Observation                 frozen, one instant
                   v
                identify                         pure: which address, which name, and why
                   | Identity
                   v
                verify                           pure: findings, conditions, root causes
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
"""

__version__ = "0.1.0"
