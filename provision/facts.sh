# Tells what a host is and what bootstrap left on it, as lines KEY=VALUE; contents of files in base64 on one line.
# Runs as the user who logs in, as root where `sudo -n` allows it, and changes nothing.
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH

first() { awk -v key="$1" -F= '$1 == key { gsub(/^["'\'']|["'\'']$/, "", $2); print $2; exit }' /etc/os-release 2>/dev/null; }

for manager in apt-get dnf zypper; do
  if command -v "$manager" >/dev/null 2>&1; then
    echo "package_manager=${manager%-get}"
    break
  fi
done
echo "distribution=$(first ID)"
echo "distribution_version=$(first VERSION_ID)"
echo "architecture=$(uname -m)"
echo "kernel=$(uname -r)"
echo "hostname=$(uname -n)"
echo "user=$(id -un)"
echo "groups=$(id -Gn)"
if [ -d /run/systemd/system ]; then echo systemd=yes; fi
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup_version=2; else echo cgroup_version=1; fi
awk '$1 == "MemTotal:" { print "memory_kib=" $2 }' /proc/meminfo
if [ -e /proc/net/ip_vs ] || [ -d /sys/module/ip_vs ] || modinfo ip_vs >/dev/null 2>&1; then echo ipvs=yes; fi
# ESP carries encrypted overlay traffic; a kernel has it built in, as a module, or not at all.
if [ -d /sys/module/esp4 ] || modinfo esp4 >/dev/null 2>&1 ||
  grep -qs '/esp4\.ko' "/lib/modules/$(uname -r)/modules.builtin"; then echo esp=yes; fi

# What the kernel enforces on containers, and whether the programs and policies are here that the engine then needs. The engine
# takes AppArmor for on where both of these are there; inside a container that acts as a host, the first is not.
if [ -d /sys/kernel/security/apparmor ] && [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
  echo apparmor=yes
fi
if command -v apparmor_parser >/dev/null 2>&1; then echo apparmor_parser=yes; fi
case $(cat /sys/fs/selinux/enforce 2>/dev/null) in
  1) echo selinux=enforcing ;;
  0) echo selinux=permissive ;;
esac
if [ -e /sys/fs/selinux/enforce ] && rpm -q container-selinux >/dev/null 2>&1; then echo container_selinux=yes; fi

address=$(ip -o route get 1.1.1.1 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p')
if [ -z "$address" ]; then address=$(ip -o route get 2606:4700::1111 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p'); fi
if [ -z "$address" ]; then
  address=$(ip -o addr show scope global 2>/dev/null | awk '{ sub(/\/.*/, "", $4); print $4; exit }')
fi
echo "private_address=$address"

# Docker makes its folder when it first starts: until then, ask where it will be.
folder=/var/lib/docker
while [ ! -d "$folder" ]; do folder=${folder%/*}; folder=${folder:-/}; done
df -Pk "$folder" 2>/dev/null | awk 'NR == 2 { print "free_disk_kib=" $4 }'

if command -v dockerd >/dev/null 2>&1; then
  echo "docker_version=$(dockerd --version 2>/dev/null | sed -n 's/^Docker version \([^, ]*\).*/\1/p')"
fi

if [ "$(id -u)" = 0 ]; then
  echo sudo=root
  as_root() { "$@"; }
elif ! command -v sudo >/dev/null 2>&1; then
  echo sudo=missing
  exit 0
elif said=$(sudo -n true 2>&1 >/dev/null); then
  echo sudo=passwordless
  as_root() { sudo -n "$@"; }
else
  echo "sudo_said=$(printf %s "$said" | tail -n 1)"
  echo sudo=asks
  exit 0
fi

as_root sh -s <<'AS_ROOT'
# One call for all of a kind: a ready host is looked at often, and should be done with at once.
content() { if [ -e "$2" ]; then echo "$1=$(base64 <"$2" | tr -d '\n')"; fi; }
set -- /etc/systemd/system/docker-tcp.socket /etc/systemd/system/docker.service.d/hoist.conf \
  /etc/hoist/daemon-settings.json /etc/hoist/pki/ca.pem /etc/hoist/pki/ca-key.pem /etc/hoist/pki/server.pem \
  /etc/hoist/pki/server-key.pem
stat -c 'mode=%a %u %n' "$@" 2>/dev/null
sha256sum "$@" 2>/dev/null | sed 's/^/digest=/'
content daemon_json /etc/docker/daemon.json
content daemon_settings /etc/hoist/daemon-settings.json
content authority /etc/hoist/pki/ca.pem
content server_certificate /etc/hoist/pki/server.pem
if [ -e /etc/hoist/pending ]; then echo pending=yes; fi
if [ -e /etc/hoist/first-container ]; then echo "first_container=$(cat /etc/hoist/first-container)"; fi
# A firewall that blocks what the cluster needs looks like a cluster that cannot be joined. Rules for a whole address are
# taken for the other hosts'.
if grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf; then
  grep -qsE -e 'dport 2377|-s [0-9a-f.:/]+ -j ACCEPT' /etc/ufw/user.rules /etc/ufw/user6.rules || echo firewall=ufw
elif command -v firewall-cmd >/dev/null 2>&1 && systemctl is-active --quiet firewalld.service; then
  firewall-cmd --quiet --query-port=2377/tcp 2>/dev/null ||
    [ -n "$(firewall-cmd --zone=trusted --list-interfaces 2>/dev/null)$(firewall-cmd --zone=trusted --list-sources 2>/dev/null)" ] ||
    echo firewall=firewalld
fi
systemctl show --property Id,ActiveState,UnitFileState docker.service docker.socket docker-tcp.socket 2>/dev/null |
  awk -F= '
    function flush() { if (id != "") print "unit=" id " " state " " enabled; id = "" }
    $1 == "Id" { id = $2 } $1 == "ActiveState" { state = $2 } $1 == "UnitFileState" { enabled = $2 }
    NF == 0 { flush() }
    END { flush() }'
AS_ROOT
