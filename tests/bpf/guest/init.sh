#!/bin/busybox sh
# The first process of the guest: this machine's files below, a memory file system above, the command inside of both.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module"; done < /modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro host /host
mount -t tmpfs over /over
mkdir /over/up /over/work
mount -t overlay -o lowerdir=/host,upperdir=/over/up,workdir=/over/work root /new
for directory in proc sys dev; do mount --move "/$directory" "/new/$directory"; done
mount -t bpf bpf /new/sys/fs/bpf
mount -t tmpfs tmp /new/tmp
mount -t tmpfs run /new/run
command=$(cat /command)
chroot /new /bin/bash -lc "cd $(cat /directory) && ip link set lo up && $command"
echo "guest command ended with $?"
echo o > /new/proc/sysrq-trigger
sleep 60
