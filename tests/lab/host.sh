#!/bin/sh
# The init of a lab host: process 1 of its namespaces (network, mount, UTS, process).
#
#   host.sh NAME DIRECTORY KEEP...
#
# It builds a root of its own out of the machine's directories, so that nothing is created on the machine and
# everything vanishes with the namespaces: /usr, /root, /tmp ... are the machine's; /etc is a copy; /var, /run,
# /proc and /sys are the host's own. What is the host's own is in memory: a disk takes twenty seconds to remove ten
# thousand files where it is told of each (ext4 mounted with `discard`). KEEP are directories that must stay visible
# even if they lie below /var, /run or /etc (the lab's directory, the repository, the Python installation).
set -eu

# The process id as the machine sees it: this /proc is still the machine's.
read -r machine_pid _ </proc/self/stat
name=$1 dir=$2
shift 2
root=$dir/root

hostname "$name"
mkdir -p "$root"
mount -t tmpfs -o mode=755,size=64m lab-root "$root"

for entry in /*; do
    case $entry in
    /proc | /sys | /run | /etc | /var | /lost+found) ;;
    *)
        if [ -L "$entry" ]; then
            cp -P "$entry" "$root$entry"
        elif [ -d "$entry" ]; then
            mkdir "$root$entry"
            mount --rbind "$entry" "$root$entry"
        fi
        ;;
    esac
done

mkdir "$root/proc" "$root/sys" "$root/run" "$root/etc" "$root/var"
mount -t proc lab-proc "$root/proc"
mount -t sysfs lab-sys "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 lab-run "$root/run"
mount -t tmpfs -o mode=755 lab-var "$root/var"

cp -a /etc/. "$root/etc/"
# A new host: nothing of what this machine may itself be configured to be, and nobody to resolve names.
rm -rf "$root/etc/calico" "$root/etc/calico-agent" "$root/etc/cni" "$root/etc/docker" "$root/etc/resolv.conf"
: >"$root/etc/resolv.conf"
echo "$name" >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$name" >"$root/etc/hosts"
printf '%s' "$dir" | md5sum | cut -c1-32 >"$root/etc/machine-id"
mkdir -p "$root/etc/calico/certs" "$root/etc/cni/net.d"

mkdir -p "$root/var/lib/calico" "$root/var/log/calico" "$root/var/cache" "$root/var/tmp"
ln -sfn /run "$root/var/run"
mkdir "$root/run/calico" "$root/run/lock"
: >"$root/run/xtables.lock"

for keep in "$@"; do
    if [ ! -e "$root$keep" ]; then
        mkdir -p "$root$keep"
        mount --bind "$keep" "$root$keep"
    fi
done

cd "$root"
mkdir machine
pivot_root . machine
umount -l /machine
rmdir /machine

ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding

echo "$machine_pid" >"$dir/init.pid.new"
mv "$dir/init.pid.new" "$dir/init.pid"

# Children that lose their parent come to process 1, and its `wait` reaps them. No exec here: whoever reads our
# environment (the lab's mark) in the middle of one finds it empty.
sleep infinity &
wait
