"""A kernel of its own for a test, with links that a machine may lack: ipip, gre, vlan, bond, vrf, macvlan, dummy.

It is User Mode Linux (Debian's package, Linux 6.1), an ordinary process that is up after three seconds. A guest sees
the machine's whole file system, this checkout too; what it writes goes to memory and is gone afterwards, as are its
links, processes and containers. Its /run and Docker's and the lab's directories are empty at first.

    with Guest.boot("name") as guest:                                # it stays: any number of commands, in parallel too
        done = guest.run("ip", "-d", "link")                         # bytes, exit code; the environment is ours
        code = guest.attach("python", "-m", "pytest", "tests/...")   # its output goes where ours goes, as it comes

    python -m tests.uml ip -d link                                     # a guest that runs one command and ends

Good to know: one CPU; a system call costs thirteen times, a second of Python three times what it does outside, so be
patient there (60 s). iptables is the legacy one: there is no nftables for IPv4 and IPv6, and no WireGuard. tunl0 is in
every namespace once ipip is loaded, which `modprobe ipip` or the first `ip link add ... type ipip` does. Nothing of a
guest is seen outside, so a test has nothing to clean up in it.
"""
