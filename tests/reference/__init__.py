"""docs/reference/, made from the code: `python -m tests.reference` writes it, a test holds it in step.

Each module makes one page; `pages` lists them. `blocks` makes the parts of other pages that the code knows. All of it
is committed, so that a forge shows it as it is.
"""
