"""Clusters that nobody wrote down: generated, computed by a model of Calico, and looked at by the real agent.

    strategies      hypothesis makes a World: hosts, links, pools, blocks, BGP
    steps           what happens to it in the course of time
    model           a small Calico and a small kernel: what each host's kernel, BIRD, Docker, files and etcd would say;
                    it imports nothing of calico_agent (a test holds that)
    stored          what is in the datastore, through the real decoders: etcd of both generations, the Kubernetes API
    reading         the other answers through the real decoders; nowhere else than in these two do both meet
    looking         the real look (identify, verify) on what was read
    agents          agents that supervise, with the real plan, and what they remember in the course of a history
    faults          what is done to a healthy world, and what must be said of it
    __main__        `python -m tests.worlds`: as many worlds as fit into a time

A world is a settled state: start-ups are over and timers have run out. What holds of it is checked by `properties`.
"""
