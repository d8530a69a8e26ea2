"""`make campaign`: a lab is broken in each way of a catalogue, and what its agents say is measured.

faults/   the catalogue: each fault is a generator, which breaks something, waits at its `yield`, and heals
trial     one fault, or a pair: what every host says from when on, and how long it takes to be good again
outcome   what was measured, and whether it is as it should be
page      docs/reference/campaign.md
"""
