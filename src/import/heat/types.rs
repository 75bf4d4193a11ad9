//! The resource types that are translated, with every property that Heat gives them.
//!
//! The sentence says why a property has no counterpart. What a reader takes is translated; what it leaves is reported
//! with this sentence, so a property that is in this table cannot be dropped in silence.

pub struct ResourceType {
    pub name: &'static str,
    pub properties: &'static [(&'static str, &'static str)],
}

/// Translated as far as its value allows; the reader says what remains.
const TAKEN: &str = "it has no counterpart in this form";
const CLOUD: &str = "Hoist leaves it to the cloud";
const NAME: &str = "Hoist names what it makes after the pool";

pub const SERVER: &str = "OS::Nova::Server";
pub const CONTAINER: &str = "DockerInc::Docker::Container";
pub const RESOURCE_GROUP: &str = "OS::Heat::ResourceGroup";
pub const RANDOM_STRING: &str = "OS::Heat::RandomString";
pub const NET: &str = "OS::Neutron::Net";
pub const SUBNET: &str = "OS::Neutron::Subnet";
pub const ROUTER: &str = "OS::Neutron::Router";
pub const ROUTER_INTERFACE: &str = "OS::Neutron::RouterInterface";
pub const ROUTER_GATEWAY: &str = "OS::Neutron::RouterGateway";
pub const PORT: &str = "OS::Neutron::Port";
pub const FLOATING_IP: &str = "OS::Neutron::FloatingIP";
pub const FLOATING_IP_ASSOCIATION: &str = "OS::Neutron::FloatingIPAssociation";
pub const SECURITY_GROUP: &str = "OS::Neutron::SecurityGroup";
pub const SECURITY_GROUP_RULE: &str = "OS::Neutron::SecurityGroupRule";
pub const KEY_PAIR: &str = "OS::Nova::KeyPair";
pub const SERVER_GROUP: &str = "OS::Nova::ServerGroup";
pub const WAIT_CONDITION: &str = "OS::Heat::WaitCondition";
pub const WAIT_CONDITION_HANDLE: &str = "OS::Heat::WaitConditionHandle";
pub const SOFTWARE_CONFIG: &str = "OS::Heat::SoftwareConfig";
pub const CLOUD_CONFIG: &str = "OS::Heat::CloudConfig";
pub const MULTIPART_MIME: &str = "OS::Heat::MultipartMime";
pub const VOLUME: &str = "OS::Cinder::Volume";
pub const VOLUME_ATTACHMENT: &str = "OS::Cinder::VolumeAttachment";

/// Values that say what Hoist does anyway: neither comment nor warning is needed.
pub const IMPLIED: &[(&str, &str)] = &[
    ("admin_state_up", "true"),
    ("enable_dhcp", "true"),
    ("ip_version", "4"),
    ("port_security_enabled", "true"),
    ("shared", "false"),
    ("stateful", "true"),
    ("stdin_once", "false"),
    ("user_data_format", "RAW"),
    ("save_private_key", "false"),
    ("count", "1"),
];

pub const TYPES: &[ResourceType] = &[
    ResourceType {
        name: CONTAINER,
        properties: &[
            ("docker_endpoint", TAKEN),
            ("hostname", TAKEN),
            ("user", TAKEN),
            ("memory", TAKEN),
            ("port_specs", TAKEN),
            ("privileged", TAKEN),
            ("tty", TAKEN),
            ("open_stdin", TAKEN),
            ("stdin_once", "the input of a service stays open when a client leaves"),
            ("env", TAKEN),
            ("cmd", TAKEN),
            ("dns", TAKEN),
            ("image", TAKEN),
            ("volumes", TAKEN),
            ("volumes_from", TAKEN),
            ("port_bindings", TAKEN),
            ("links", TAKEN),
            ("name", TAKEN),
            ("restart_policy", TAKEN),
            ("cap_add", TAKEN),
            ("cap_drop", TAKEN),
            ("read_only", TAKEN),
            ("cpu_shares", TAKEN),
            ("devices", TAKEN),
            ("cpu_set", TAKEN),
        ],
    },
    ResourceType {
        name: SERVER,
        properties: &[
            ("name", "Hoist names hosts after their group: GROUP-1, GROUP-2"),
            ("image", TAKEN),
            (
                "block_device_mapping",
                "this older form is not translated: see `boot_volume`",
            ),
            ("block_device_mapping_v2", TAKEN),
            ("flavor", TAKEN),
            (
                "flavor_update_policy",
                "Hoist replaces a host whose flavor changes, with `--replace-hosts`",
            ),
            (
                "image_update_policy",
                "Hoist replaces a host whose image changes, with `--replace-hosts`",
            ),
            ("key_name", TAKEN),
            ("admin_user", TAKEN),
            ("availability_zone", TAKEN),
            ("security_groups", TAKEN),
            ("networks", TAKEN),
            ("scheduler_hints", TAKEN),
            ("metadata", TAKEN),
            ("user_data_format", "Hoist hands user data over as it is"),
            ("user_data", TAKEN),
            ("reservation_id", CLOUD),
            ("config_drive", TAKEN),
            ("diskConfig", CLOUD),
            ("personality", "files go through `user_data` or the services' `configs`"),
            ("admin_pass", "Hoist logs in with a key"),
            (
                "software_config_transport",
                "Hoist logs in over SSH: hosts ask Heat for nothing",
            ),
            (
                "user_data_update_policy",
                "Hoist does not change user data of a host that exists",
            ),
            ("tags", "Hoist tags servers with the pool's name"),
            (
                "deployment_swift_data",
                "Hoist logs in over SSH: hosts ask Heat for nothing",
            ),
        ],
    },
    ResourceType {
        name: KEY_PAIR,
        properties: &[
            ("name", "without `keypair`, Hoist imports your public key"),
            ("public_key", "without `keypair`, Hoist imports your public key"),
            ("save_private_key", "Hoist makes no keys for you"),
            ("type", "Hoist imports your public key, which is an SSH key"),
            ("user", "Hoist imports the key for its own login"),
        ],
    },
    ResourceType {
        name: SERVER_GROUP,
        properties: &[("name", NAME), ("policies", TAKEN), ("rules", CLOUD)],
    },
    ResourceType {
        name: NET,
        properties: &[
            ("name", TAKEN),
            ("value_specs", CLOUD),
            ("admin_state_up", CLOUD),
            ("tenant_id", "Hoist makes everything in the project that it logs in to"),
            ("shared", "the pool's network is its own"),
            ("dhcp_agent_ids", CLOUD),
            (
                "port_security_enabled",
                "Hoist needs port security: it opens ports by security groups",
            ),
            ("qos_policy", CLOUD),
            ("dns_domain", CLOUD),
            ("availability_zone_hints", CLOUD),
            ("tags", "Hoist tags what it makes with the pool's name"),
        ],
    },
    ResourceType {
        name: SUBNET,
        properties: &[
            ("network", TAKEN),
            ("network_id", TAKEN),
            ("subnetpool", "give the addresses with `cidr`"),
            ("prefixlen", "give the addresses with `cidr`"),
            ("cidr", TAKEN),
            ("value_specs", CLOUD),
            ("name", NAME),
            ("ip_version", "Hoist's networks are IPv4"),
            ("dns_nameservers", TAKEN),
            ("gateway_ip", "the gateway is the subnet's first address"),
            ("enable_dhcp", "Hoist's hosts get their addresses by DHCP"),
            ("allocation_pools", CLOUD),
            ("tenant_id", "Hoist makes everything in the project that it logs in to"),
            ("host_routes", CLOUD),
            ("ipv6_ra_mode", "Hoist's networks are IPv4"),
            ("ipv6_address_mode", "Hoist's networks are IPv4"),
            ("segment", CLOUD),
            ("tags", "Hoist tags what it makes with the pool's name"),
        ],
    },
    ResourceType {
        name: ROUTER,
        properties: &[
            ("name", NAME),
            ("external_gateway_info", TAKEN),
            ("value_specs", CLOUD),
            ("admin_state_up", CLOUD),
            ("l3_agent_id", CLOUD),
            ("l3_agent_ids", CLOUD),
            ("distributed", CLOUD),
            ("ha", CLOUD),
            ("availability_zone_hints", CLOUD),
            ("tags", "Hoist tags what it makes with the pool's name"),
            ("tenant_id", "Hoist makes everything in the project that it logs in to"),
        ],
    },
    ResourceType {
        name: ROUTER_INTERFACE,
        properties: &[
            ("router", TAKEN),
            ("router_id", TAKEN),
            ("subnet", TAKEN),
            ("subnet_id", TAKEN),
            ("port", "Hoist joins the router to the subnet itself"),
            ("port_id", "Hoist joins the router to the subnet itself"),
        ],
    },
    ResourceType {
        name: ROUTER_GATEWAY,
        properties: &[("router_id", TAKEN), ("network", TAKEN), ("network_id", TAKEN)],
    },
    ResourceType {
        name: PORT,
        properties: &[
            ("name", NAME),
            ("network", TAKEN),
            ("network_id", TAKEN),
            ("fixed_ips", "hosts get their addresses from the subnet"),
            ("security_groups", TAKEN),
            ("replacement_policy", CLOUD),
            ("device_id", "Hoist joins ports to its servers itself"),
            ("device_owner", "Hoist joins ports to its servers itself"),
            ("dns_name", CLOUD),
            ("tags", "Hoist tags what it makes with the pool's name"),
            ("value_specs", CLOUD),
            ("admin_state_up", CLOUD),
            ("mac_address", CLOUD),
            ("allowed_address_pairs", CLOUD),
            ("binding:vnic_type", CLOUD),
            ("qos_policy", CLOUD),
            (
                "port_security_enabled",
                "Hoist needs port security: it opens ports by security groups",
            ),
            ("propagate_uplink_status", CLOUD),
            ("no_fixed_ips", "Hoist's hosts need an address"),
        ],
    },
    ResourceType {
        name: FLOATING_IP,
        properties: &[
            ("floating_network", TAKEN),
            ("floating_network_id", TAKEN),
            ("floating_subnet", CLOUD),
            ("value_specs", CLOUD),
            ("port_id", TAKEN),
            (
                "fixed_ip_address",
                "the floating address goes to the host's only address",
            ),
            ("floating_ip_address", "the cloud chooses the address"),
            ("dns_name", CLOUD),
            ("dns_domain", CLOUD),
        ],
    },
    ResourceType {
        name: FLOATING_IP_ASSOCIATION,
        properties: &[
            ("floatingip_id", TAKEN),
            ("port_id", TAKEN),
            (
                "fixed_ip_address",
                "the floating address goes to the host's only address",
            ),
        ],
    },
    ResourceType {
        name: "OS::Nova::FloatingIP",
        properties: &[("pool", TAKEN)],
    },
    ResourceType {
        name: "OS::Nova::FloatingIPAssociation",
        properties: &[("server_id", TAKEN), ("floating_ip", TAKEN)],
    },
    ResourceType {
        name: SECURITY_GROUP,
        properties: &[
            ("name", NAME),
            ("description", NAME),
            ("rules", TAKEN),
            ("stateful", CLOUD),
        ],
    },
    ResourceType {
        name: SECURITY_GROUP_RULE,
        properties: &[
            ("security_group", TAKEN),
            ("description", NAME),
            ("direction", TAKEN),
            ("ethertype", TAKEN),
            ("port_range_min", TAKEN),
            ("port_range_max", TAKEN),
            ("protocol", TAKEN),
            ("remote_group", TAKEN),
            ("remote_ip_prefix", TAKEN),
        ],
    },
    ResourceType {
        name: WAIT_CONDITION,
        properties: &[
            ("handle", TAKEN),
            ("timeout", TAKEN),
            ("count", "Hoist waits for every host of a group"),
        ],
    },
    ResourceType {
        name: WAIT_CONDITION_HANDLE,
        properties: &[("signal_transport", "Hoist asks the hosts itself: they signal nothing")],
    },
    ResourceType {
        name: "AWS::CloudFormation::WaitCondition",
        properties: &[
            ("Handle", TAKEN),
            ("Timeout", TAKEN),
            ("Count", "Hoist waits for every host of a group"),
        ],
    },
    ResourceType {
        name: "AWS::CloudFormation::WaitConditionHandle",
        properties: &[],
    },
    ResourceType {
        name: SOFTWARE_CONFIG,
        properties: &[
            ("group", "Hoist hands user data over as it is"),
            ("config", TAKEN),
            ("options", "Hoist hands user data over as it is"),
            ("inputs", "Hoist hands user data over as it is"),
            ("outputs", "Hoist hands user data over as it is"),
        ],
    },
    ResourceType {
        name: CLOUD_CONFIG,
        properties: &[("cloud_config", TAKEN)],
    },
    ResourceType {
        name: MULTIPART_MIME,
        properties: &[("parts", TAKEN), ("group", "Hoist hands user data over as it is")],
    },
    ResourceType {
        name: RESOURCE_GROUP,
        properties: &[
            ("count", TAKEN),
            ("index_var", "hosts are alike, and so are replicas"),
            ("resource_def", TAKEN),
            (
                "removal_policies",
                "Hoist drains and removes the hosts with the highest numbers",
            ),
            (
                "removal_policies_mode",
                "Hoist drains and removes the hosts with the highest numbers",
            ),
        ],
    },
    ResourceType {
        name: RANDOM_STRING,
        properties: &[
            ("length", "the variable takes the place of the generated string"),
            ("sequence", "the variable takes the place of the generated string"),
            (
                "character_classes",
                "the variable takes the place of the generated string",
            ),
            (
                "character_sequences",
                "the variable takes the place of the generated string",
            ),
            ("salt", "the variable takes the place of the generated string"),
        ],
    },
    ResourceType {
        name: VOLUME,
        properties: &[
            ("availability_zone", CLOUD),
            ("size", TAKEN),
            ("snapshot_id", "a boot volume is made from the image"),
            ("backup_id", "a boot volume is made from the image"),
            ("name", NAME),
            ("description", NAME),
            ("volume_type", TAKEN),
            ("metadata", CLOUD),
            ("imageRef", TAKEN),
            ("image", TAKEN),
            ("source_volid", "a boot volume is made from the image"),
            ("scheduler_hints", CLOUD),
            ("read_only", "a boot volume is written to"),
            ("multiattach", "a boot volume has one host"),
        ],
    },
    ResourceType {
        name: VOLUME_ATTACHMENT,
        properties: &[
            (
                "instance_uuid",
                "Hoist makes boot volumes only: data lies in the services' volumes",
            ),
            (
                "volume_id",
                "Hoist makes boot volumes only: data lies in the services' volumes",
            ),
            (
                "mountpoint",
                "Hoist makes boot volumes only: data lies in the services' volumes",
            ),
        ],
    },
];

/// The entry of a type.
pub fn known(kind: &str) -> Option<&'static ResourceType> {
    TYPES.iter().find(|known| known.name == kind)
}
