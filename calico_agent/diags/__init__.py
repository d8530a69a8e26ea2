"""The bundle for a report of trouble: everything that explains what this host says, in one file, without secrets.

It is made by a process of its own that asks the running agent and looks for itself, so it needs no agent that answers.
The names of its files are those of recordings (`tests.replay`): the same stages judge a bundle as they judged the host.
"""
