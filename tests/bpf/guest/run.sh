#!/bin/bash
# Runs a command as root of an emulated machine with Debian's own kernel, on a throw-away copy of this machine's files.
#     tests/bpf/guest/run.sh COMMAND...
# For what this machine's kernel may not do: program extensions, and so libxdp's dispatcher. No network, 2 GiB, minutes.
# Needs qemu-system-x86, busybox-static, cpio, kmod, and apt to fetch the kernel.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sidekick-guest
mkdir -p "$cache"

kernel() {
  local package
  package=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ {print $2}')
  [[ -d $cache/$package ]] || {
    (cd "$cache" && apt-get download -q "$package" && dpkg -x "$package"_*.deb "$package" && rm "$package"_*.deb)
    depmod -b "$cache/$package" "${package#linux-image-}"
  }
  echo "$package"
}

package=$(kernel)
version=${package#linux-image-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/image/{bin,modules,proc,sys,dev,host,over,new}
cp "$(command -v busybox)" "$work/image/bin/busybox"
order=()
for module in virtio_pci 9p 9pnet_virtio overlay veth nf_tables nft_counter 8021q; do
  while read -r kind path _; do
    [[ $kind == insmod && " ${order[*]} " != *" $(basename "$path") "* ]] || continue
    cp "$path" "$work/image/modules/"
    order+=("$(basename "$path")")
  done < <(modprobe -d "$cache/$package" -S "$version" --show-depends "$module" 2>/dev/null)
done
printf '%s\n' "${order[@]}" > "$work/image/modules/order"
cp "$here/init.sh" "$work/image/init"
chmod +x "$work/image/init"
printf '%q ' "$@" > "$work/image/command"
printf '%q' "$root" > "$work/image/directory"
(cd "$work/image" && find . | cpio -o -H newc --quiet) > "$work/initramfs"

qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nodefaults -no-reboot -nographic -serial stdio \
  -kernel "$cache/$package/boot/vmlinuz-$version" -initrd "$work/initramfs" \
  -append "console=ttyS0 quiet panic=-1" \
  -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
  -device virtio-9p-pci,fsdev=host,mount_tag=host < /dev/null | tee "$work/console"
grep -q '^guest command ended with 0' "$work/console"
