# Run by the engine in a router or gate, with the port of its monitor as $1. Ready is one that has found its servers, once; a
# service without a replica holds it up for four looks only. Later it is enough that it answers.
exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
printf 'GET /ready HTTP/1.0\r\n\r\n' >&3
read -r _ status _ <&3 || exit 1
[ -e /tmp/ready ] && exit 0
echo >>/tmp/looks
if [ "$status" = 200 ] || [ "$(wc -l </tmp/looks)" -ge 4 ]; then
    touch /tmp/ready
    exit 0
fi
exit 1
