"""What a host or its cluster lacks for Calico, started or not."""
