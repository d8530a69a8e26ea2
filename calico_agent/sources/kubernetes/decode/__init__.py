"""What Kubernetes says and is told -> model. Pure; the only error is Malformed."""
