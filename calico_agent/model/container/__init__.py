"""Values of Docker: containers, images, networks, the Engine."""
