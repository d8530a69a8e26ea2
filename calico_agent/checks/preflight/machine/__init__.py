"""Whether the machine suits Calico: kernel, disks, clock, ports, Docker."""
