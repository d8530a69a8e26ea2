"""What people read beside the report: the identity, routes, the history, the container, and the width of all of it."""
