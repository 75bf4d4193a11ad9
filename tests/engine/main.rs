//! The engine room against real engines: the one of `DOCKER_HOST` (else the local socket), which must be there, and
//! throw-away ones that a test starts for itself. They need `dockerd`, `unshare` and `ip`.

mod cluster;
mod connections;
mod containers;
mod images;
mod ingress;
mod support;
