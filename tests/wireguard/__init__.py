"""WireGuard on a kernel that has it: Debian's cloud kernel, in QEMU without KVM (`make wireguard`).

The machine there has no disk. Its file system is made each time: Python, `ip`, and what the agent's reader loads. Its
process 1 (guest.py) makes a host's links, rules and routes as Felix does and reads them as the agent does; what it read
comes back by a serial line and is judged here (check_real_kernel.py). No packet is encrypted.
"""
