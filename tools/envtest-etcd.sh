#!/usr/bin/env bash
# Puts an etcd where KUBEBUILDER_ASSETS can point to: envtest-etcd.sh DIR
# Links the one on PATH; without one, unpacks Debian's etcd-server package below
# DIR. The package is not installed and no service is started.
set -euo pipefail

dir=${1:?usage: envtest-etcd.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

if [[ -x $dir/etcd ]]; then
  exit 0
fi

if path=$(command -v etcd); then
  ln -sf "$path" "$dir/etcd"
  exit 0
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo "envtest-etcd.sh: no etcd on PATH, and this is no Debian to fetch it from" >&2
  exit 1
fi

download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT

fetch() {
  # As root, apt would fetch as a user who may not write there, and complain.
  (cd "$download" && apt-get download -qq -o APT::Sandbox::User=root etcd-server)
}

# The package lists of a fresh machine are missing or old.
fetch 2>/dev/null || { apt-get update -qq && fetch; }
dpkg -x "$download"/etcd-server_*.deb "$dir/etcd-server"
ln -sf etcd-server/usr/bin/etcd "$dir/etcd"
