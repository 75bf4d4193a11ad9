# Prints the pool's authority for an operator who may become root: certificate, then key.
cat /etc/hoist/pki/ca.pem && cat /etc/hoist/pki/ca-key.pem
