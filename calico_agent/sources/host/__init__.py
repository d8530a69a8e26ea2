"""The machine itself: names, processes, disks, files."""
