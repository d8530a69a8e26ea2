"""Taking over a calico/node that somebody else runs: what a text, or Docker, says of it -> calico-agent.toml.

   unit, docker run, inspect, manifest  --describe-->  Described  --translate-->  Translation

Pure: whoever calls it reads the files.
"""
