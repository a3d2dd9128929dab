#!/bin/bash
# Installs the Debian packages of packages.txt that are missing; needs root only when one is.
set -euo pipefail
list=$(dirname "${BASH_SOURCE[0]}")/packages.txt
missing=()
while read -r package _; do
  [[ -z $package || $package == \#* ]] && continue
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done < "$list"
[[ ${#missing[@]} -eq 0 ]] && exit 0
install=(apt-get install -y -q --no-install-recommends "${missing[@]}")
if [[ $EUID -ne 0 ]]; then
  echo "The tests need Debian packages that are missing. As root: apt-get update && ${install[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Debian's way to keep the packages' own services from starting: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi
apt-get update -q
"${install[@]}"
