"""The command `python -m tests.reference`: write every page of docs/reference/ anew, and every block of other pages."""

from tests.reference.blocks import renewed
from tests.reference.pages import DOCS, FOLDER, PAGES

FOLDER.mkdir(exist_ok=True)
for name, render in PAGES.items():
    (FOLDER / name).write_text(render())
for path in DOCS.glob("*.md"):
    path.write_text(renewed(path.read_text()))
