"""calico/node under another container runtime than Docker: by its processes, and by what a CRI runtime says."""
