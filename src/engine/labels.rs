//! The labels that Hoist sets and reads. Docker's own come first, so that other tools see the project.

/// The project's name (`docker compose ls` reads it).
pub const PROJECT: &str = "com.docker.compose.project";
/// The service's name in the file.
pub const SERVICE: &str = "com.docker.compose.service";
/// A container's number within its service, from 1.
pub const CONTAINER_NUMBER: &str = "com.docker.compose.container-number";
/// Digest of what the service was made from.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// `True` for a container of `run`.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// A network's key in the file.
pub const NETWORK: &str = "com.docker.compose.network";
/// A volume's key in the file.
pub const VOLUME: &str = "com.docker.compose.volume";
/// The project's folder on the operator's machine.
pub const WORKING_DIRECTORY: &str = "com.docker.compose.project.working_dir";
/// The project's files, separated by commas.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// The project's name (`docker stack ls` reads it).
pub const STACK_NAMESPACE: &str = "com.docker.stack.namespace";
/// On a replica's container: the task that it was made for (the engine sets it).
pub const TASK: &str = "com.docker.swarm.task.id";
/// The image's name as the file says it (`docker stack services` reads it).
pub const STACK_IMAGE: &str = "com.docker.stack.image";

/// What the names of Hoist's own labels begin with.
pub const OWN: &str = "dev.hoist.";
/// The pool that a local host, a node or a network belongs to.
pub const POOL: &str = "dev.hoist.pool";
/// The group of a host.
pub const GROUP: &str = "dev.hoist.group";
/// Hoist's name of a host.
pub const HOST: &str = "dev.hoist.host";
/// A local host's SSH host key (public).
pub const HOST_KEY: &str = "dev.hoist.host-key";
/// On a node: digest of what bootstrap made sure of; equal means that there is nothing to do.
pub const BOOTSTRAP: &str = "dev.hoist.bootstrap";
/// On a node: `true` where the kernel has IPVS, so that virtual IPs and the routing mesh work.
pub const IPVS: &str = "dev.hoist.ipvs";
/// On a node: `true` where the kernel has ESP, so that overlay traffic can be encrypted.
pub const ESP: &str = "dev.hoist.esp";
/// On a service: the host that its local volumes pin it to.
pub const PINNED_TO: &str = "dev.hoist.pinned-to";
/// On a service while a host is drained: how many replicas it has but for those that are made in advance.
pub const REPLICAS_BEFORE: &str = "dev.hoist.replicas-before";
/// On a volume that was copied from another host: that host. Where it still has the volume, too, the move is not through.
pub const COPIED_FROM: &str = "dev.hoist.copied-from";
/// On the same: when the volume that it was copied from was made, for another may get its name and place.
pub const COPIED_FROM_CREATED: &str = "dev.hoist.copied-from.created";
/// On a service while its volume moves: how many replicas it has otherwise.
pub const REPLICAS_MOVING: &str = "dev.hoist.replicas-moving";
/// On a container that is never started, and through which a volume is read or written: the volume.
pub const HOLDS_VOLUME: &str = "dev.hoist.holds-volume";
/// On the config that says that a volume's copy is complete: the volume, and from where it came and where it is now.
pub const MOVED_VOLUME: &str = "dev.hoist.moved-volume";
pub const MOVED_FROM: &str = "dev.hoist.moved-volume.from";
pub const MOVED_TO: &str = "dev.hoist.moved-volume.to";
/// On a service while one of its replicas leaves a host: what is otherwise for that moment.
pub const OFF_HOST: &str = "dev.hoist.off-host";
/// On a service: its ways in, as the routers of the ingress read them.
pub const INGRESS: &str = "dev.hoist.ingress";
/// On what Hoist itself runs on a pool, for all projects.
pub const SYSTEM: &str = "dev.hoist.system";
/// The value of [`SYSTEM`] on everything of the ingress.
pub const SYSTEM_INGRESS: &str = "ingress";
/// On a container: the commands to run in it once it has started (JSON: a list of the Engine API's *ExecConfig*).
pub const POST_START: &str = "dev.hoist.post-start";
/// On a container: the commands to run in it before it is stopped, the same way.
pub const PRE_STOP: &str = "dev.hoist.pre-stop";
/// On a config or secret: keyed digest of its content.
pub const CONTENT_DIGEST: &str = "dev.hoist.content";
/// On a service that took another's place: that other's name in the file.
pub const REPLACES: &str = "dev.hoist.replaces";
/// On the same: how many replicas the other had at first.
pub const REPLACES_FROM: &str = "dev.hoist.replaces.from";
/// On the same: how many replicas it is to have itself.
pub const REPLACES_TO: &str = "dev.hoist.replaces.to";
/// On what restarts with what it depends on: those services and the digests of their definitions, as `NAME=DIGEST`, separated by commas.
pub const RESTARTS_WITH: &str = "dev.hoist.restarts-with";
/// On a service: names, separated by commas, that it answers to beside its own and its aliases.
pub const ANSWERS_FOR: &str = "dev.hoist.answers-for";
/// On the config that is a project's lock: the project.
pub const LOCK: &str = "dev.hoist.lock";
/// On the same: the user whose command holds it, the user's machine, the command, and when that began (RFC 3339).
pub const LOCK_USER: &str = "dev.hoist.lock.user";
pub const LOCK_MACHINE: &str = "dev.hoist.lock.machine";
pub const LOCK_COMMAND: &str = "dev.hoist.lock.command";
pub const LOCK_SINCE: &str = "dev.hoist.lock.since";
/// On the same: the holder's process id, its start (ticks since boot), and where the two mean anything: the machine's boot id
/// and the namespace of process ids.
pub const LOCK_PROCESS: &str = "dev.hoist.lock.process";
pub const LOCK_PROCESS_START: &str = "dev.hoist.lock.process.start";
pub const LOCK_BOOT: &str = "dev.hoist.lock.boot";
pub const LOCK_NAMESPACE: &str = "dev.hoist.lock.namespace";
/// On a service that was upgraded in place and not confirmed: the config that holds what ran before.
pub const UPGRADED: &str = "dev.hoist.upgraded";
/// On the same, while it is brought back, and until that is through.
pub const ROLLING_BACK: &str = "dev.hoist.rolling-back";
/// On the same, where the operator stopped it on the way.
pub const CANCELLED: &str = "dev.hoist.cancelled";
/// On a container: at which pace it and its like take their places again, should a change be rolled back (JSON).
pub const ROLLBACK_PACE: &str = "dev.hoist.rollback-pace";
/// On a config: the service of whose definition of before it keeps.
pub const KEPT: &str = "dev.hoist.kept";
/// On a config that is a revision of a project: the project, the revision's number, and the names of the configs and secrets
/// that it needs, separated by commas.
pub const REVISION: &str = "dev.hoist.revision";
pub const REVISION_NUMBER: &str = "dev.hoist.revision.number";
pub const REVISION_OBJECTS: &str = "dev.hoist.revision.objects";
