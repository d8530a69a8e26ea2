"""Values of the machine: its name, kernel, clocks, disks, Kubernetes parts."""
