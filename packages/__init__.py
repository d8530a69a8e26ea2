"""What hosts are given: a wheel, a wheelhouse, a Debian package, an image, and what `make install` lays.

    requirements.txt --pip, by hash--> wheelhouse --> environment --> layout --> .deb, image, `make install`
    the command line ----------------------------------> manual --------^

All of it is made by targets of the Makefile, with the tools that tools.txt locks. Nothing of it is needed on a host.
"""
