"""calico-agent: start calico/node as the right node, keep it up, prove that every node's pods can be routed to.

    kernel   BIRD   docker   datastore   host   kubernetes   firewall       outside
       \\      |       |         |         |         |         /
        v     v       v         v         v         v        v
    +---------------------- sources -----------------------+    I/O in: one folder for each system outside;
    |  reader, watch  --raw-->  decode  --> model          |    decode is pure; cannot read -> Unreadable
    +------------------------------------------------------+
                     | Observation                               frozen, one instant
                     v
                 identity                                        pure: which address, which name, and why
                     | Identity
                     v
                 expected                                        pure: the routes, sessions and owners that should be
                     |
                     v
                  checks  <------------ faults                   pure: what is wrong, by the faults that are declared;
                     | Assessment                                problems with their root cause, conditions
                     v
                   plan                                          pure: what to do about the container (mostly nothing)
                     | Action, ...
                     v
                  report                                         pure: + since-times -> Report; text, JSON, metrics
                     | Report ------------> api                  one slot, read over HTTP and by `status`
                     v
                    act                                          I/O out: create, start, replace the container
                     .
                     . nothing returns; the next pass observes the world again

`runtime` makes the pass and the loop around it; it alone knows all stages. Watches only wake it. What must be kept over
a restart lies in `state`. `cli` has the commands.

Before all that a host is taken over: `adopt` (pure) makes the configuration out of what a unit, a `docker run`, Docker
or a manifest says of the calico/node that somebody else runs.
"""

__version__ = "0.1.0"
