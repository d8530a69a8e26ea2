"""calico-agent: start calico/node as the right node, keep it up, prove that every node's pods can be routed to.

    kernel   BIRD   docker  cri   datastore   host   kubernetes  firewall     outside
       \\      |       |      |       |         |         |        /
        v     v       v      v       v         v         v       v
    +---------------------- sources -----------------------+    I/O in: one folder for each system outside;
    |  reader, watch  --raw-->  decode  --> model          |    decode is pure; cannot read -> Unreadable
    +------------------------------------------------------+
                     | Observation    ^                          frozen, one instant
                     v                |
                 identity             |                          pure: which address, which name, and why
                     | Identity ------+ who has these pods?      what the first look leaves open is asked once more;
                     v                |                          the answer is part of the same observation
                 expected             |                          pure: the routes, sessions and owners that should be
                     |                |
                     v                |
    faults -----> checks -------------+ who sent these routes?   pure: what is wrong, by the faults that are declared;
                     | Assessment                                problems with their root cause, conditions
                     v
    Memory <----> plan                                           pure: since when it is so, and what to do about the
                     | Plan                                      container (mostly nothing)
                     v
                  report                                         pure: all of it -> Report; text, JSON, metrics
                     | Report ------------> api                  one slot, read over HTTP and by `status`
                     v
                    act                                          I/O out: create, start, replace the container
                     .
                     . nothing returns; the next pass observes the world again

`runtime.pipeline` is this drawing as a function; `runtime` has the loop around it, and alone knows all stages. Watches
only wake it. What is remembered is one value, `Memory`, handed in and out; `state` has what of it outlives a restart.
`cli` has the commands.

Before all that a host is taken over: `adopt` (pure) makes the configuration out of what a unit, a `docker run`, Docker
or a manifest says of the calico/node that somebody else runs.
"""

__version__ = "0.2.0"
