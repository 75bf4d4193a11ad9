# Takes the engine off the network: a running engine keeps the sockets that it was given, so it has to stop first.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
: >/etc/hoist/pending
rm -f /etc/systemd/system/docker.service.d/hoist.conf
systemctl disable --quiet docker-tcp.socket 2>/dev/null
systemctl daemon-reload
systemctl stop docker.service docker.socket docker-tcp.socket
rm -f /etc/systemd/system/docker-tcp.socket
systemctl daemon-reload
systemctl start docker.socket docker.service
