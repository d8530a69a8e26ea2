#!/bin/bash
# Process 1 of a guest (tests/uml/guest.py). The kernel's command line names the guest's directory on the machine,
# `guest=DIRECTORY`; the lines that come in by the first terminal say what to do:
#
#   run CALL     run DIRECTORY/CALL/command; its output goes to the files out and err there, its exit code to code
#   kill CALL    kill that, with all that it has started
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

# The machine's file system, read-only, with memory over it.
make_root() {
    modules=/usr/lib/uml/modules/$(uname -r)
    insmod "$modules/kernel/fs/overlayfs/overlay.ko"
    mount -t tmpfs -o mode=755,size=100% memory /mnt && mkdir /mnt/{upper,work,root}
    mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root || exit
    cd /mnt/root || exit
    mount -t proc proc proc
    mount -t sysfs sys sys
    mount -t devtmpfs dev dev
    mkdir -p dev/pts dev/shm dev/mqueue dev/net lib/modules
    mknod dev/net/tun c 10 200
    mount -t devpts -o mode=600,ptmxmode=666 devpts dev/pts
    mount -t tmpfs shm dev/shm
    mount -t mqueue mqueue dev/mqueue
    mkdir before && pivot_root . before && cd / && umount -l before && rmdir before
}

# What is new on each boot of a machine. No overlay lies on an overlay: Docker's data needs a file system of its own.
make_directories() {
    for directory in /run /var/lib/docker /var/lib/containerd /var/lib/calico-agent-lab; do
        mkdir -p "$directory" && mount -t tmpfs -o mode=755 memory "$directory"
    done
    mkdir -p /run/lock /run/netns
    : >/run/xtables.lock
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    for controller in $(awk '$4 == 1 { print $1 }' /proc/cgroups) name=systemd; do
        mkdir "/sys/fs/cgroup/${controller#name=}"
        mount -t cgroup -o "${controller/#name=/none,name=}" cgroup "/sys/fs/cgroup/${controller#name=}"
    done
}

load_modules() {
    ln -sfn "$modules" "/lib/modules/$(uname -r)"
    [[ -e $modules/modules.dep.bin ]] || depmod "$(uname -r)"
    modprobe ipv6 # as everywhere: /proc/sys/net/ipv6 is there
}

# This kernel's nf_tables knows neither IPv4 nor IPv6: iptables must be the old one.
take_old_iptables() {
    for program in {iptables,ip6tables}{,-save,-restore}; do
        old=${program/tables/tables-legacy}
        [[ -x /usr/sbin/$old ]] && ln -sfn "/usr/sbin/$old" "/usr/sbin/$program"
    done
}

# A session of its own: its number is that of the process group, too.
run() {
    setsid bash "$guest/$1/command" </dev/null >"$guest/$1/out" 2>"$guest/$1/err" &
    echo $! >"$guest/$1/pid"
    wait $!
    echo $? >"$guest/$1/code"
}

mount -t proc proc /proc
mount -t sysfs sys /sys
guest=$(sed 's/.* guest=\([^ ]*\).*/\1/' /proc/cmdline)
trap 'echo o >/proc/sysrq-trigger; sleep 60' EXIT
make_root
make_directories
load_modules
take_old_iptables
ulimit -n 65536 -l unlimited
ip link set lo up
# What is written here is there at once.
mkdir -p "$guest" && mount -t hostfs -o "sync,$guest" machine "$guest"
exec 3</dev/tty1 # before anybody writes to it
echo up >"$guest/state"
while read -r verb call <&3; do
    case $verb in
    run) run "$call" & ;;
    kill) kill -KILL -- "-$(<"$guest/$call/pid")" ;;
    esac
done
