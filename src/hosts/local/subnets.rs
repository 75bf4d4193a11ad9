//! Which addresses local hosts get: a free subnet for the pool, a free address for each host.
//!
//! Pure arithmetic on IPv4. Never asks the engine or the machine.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Pools get subnets of 24 bits out of this range: out of the way of the engine's own default ranges (172.17.0.0/12,
/// 192.168.0.0/16), also on the hosts inside, and of what overlay networks are given first (10.0.0.0/8 from below).
const RANGE: Subnet = Subnet {
    first: Ipv4Addr::new(10, 213, 0, 0),
    bits: 16,
};
const POOL_BITS: u8 = 24;

/// An IPv4 subnet in canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subnet {
    first: Ipv4Addr,
    bits: u8,
}

impl Subnet {
    fn new(address: Ipv4Addr, bits: u8) -> Option<Subnet> {
        (bits <= 32).then(|| Subnet {
            first: Ipv4Addr::from_bits(address.to_bits() & mask(bits)),
            bits,
        })
    }

    /// `10.213.0.0/24`; `None` for what is not IPv4.
    pub fn parse(text: &str) -> Option<Subnet> {
        let (address, bits) = text.split_once('/')?;
        Subnet::new(address.parse().ok()?, bits.parse().ok()?)
    }

    fn overlaps(self, other: Subnet) -> bool {
        let common = mask(self.bits.min(other.bits));
        self.first.to_bits() & common == other.first.to_bits() & common
    }

    /// The first address: the engine's bridge.
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first.to_bits() | 1)
    }

    /// The lowest address for a host that is not in `taken`; `None`: the subnet is full.
    pub fn lowest_free(self, taken: &BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        let broadcast = self.first.to_bits() | !mask(self.bits);
        (self.gateway().to_bits() + 1..broadcast)
            .map(Ipv4Addr::from_bits)
            .find(|address| !taken.contains(address))
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

fn mask(bits: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)
}

/// The lowest subnet for a pool that overlaps none of `taken`.
pub fn free_subnet(taken: &[Subnet]) -> Option<Subnet> {
    let first = RANGE.first.to_bits();
    (first..=first | !mask(RANGE.bits))
        .step_by(1 << (32 - POOL_BITS))
        .map(|first| Subnet {
            first: Ipv4Addr::from_bits(first),
            bits: POOL_BITS,
        })
        .find(|subnet| !taken.iter().any(|other| other.overlaps(*subnet)))
}

/// The destinations in `/proc/net/route`. The default route is left out: it overlaps everything.
pub fn routes(table: &str) -> Vec<Subnet> {
    // Interface, destination, gateway, flags, … , mask (the eighth); addresses are little-endian hexadecimal.
    let address = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let destination = address(columns.get(1)?)?;
            let bits = u8::try_from(address(columns.get(7)?)?.leading_ones()).ok()?;
            Subnet::new(Ipv4Addr::from_bits(destination), bits)
        })
        .filter(|route| route.bits > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        Subnet::parse(text).unwrap()
    }

    #[test]
    fn the_lowest_subnet_that_nobody_has_is_free() {
        assert_eq!(free_subnet(&[]), Some(subnet("10.213.0.0/24")));
        let taken = [
            subnet("10.213.0.0/23"),
            subnet("172.17.0.0/16"),
            subnet("10.213.3.64/26"),
        ];
        assert_eq!(free_subnet(&taken), Some(subnet("10.213.2.0/24")));
    }

    #[test]
    fn a_wide_neighbour_leaves_nothing() {
        assert_eq!(free_subnet(&[subnet("10.0.0.0/8")]), None);
    }

    #[test]
    fn subnets_overlap_in_both_directions() {
        assert!(subnet("10.0.0.0/8").overlaps(subnet("10.213.0.0/24")));
        assert!(subnet("10.213.0.0/24").overlaps(subnet("10.0.0.0/8")));
        assert!(subnet("0.0.0.0/0").overlaps(subnet("10.213.0.0/24")));
        assert!(!subnet("10.213.0.0/24").overlaps(subnet("10.213.1.0/24")));
    }

    #[test]
    fn hosts_get_the_lowest_free_address_after_the_gateway() {
        let network = subnet("10.213.4.0/24");
        let second = Ipv4Addr::new(10, 213, 4, 2);
        assert_eq!(network.gateway(), Ipv4Addr::new(10, 213, 4, 1));
        assert_eq!(network.lowest_free(&BTreeSet::new()), Some(second));
        assert_eq!(
            network.lowest_free(&BTreeSet::from([second])),
            Some(Ipv4Addr::new(10, 213, 4, 3))
        );
    }

    #[test]
    fn a_full_subnet_has_no_address_left() {
        let network = subnet("10.213.4.0/30");
        assert_eq!(
            network.lowest_free(&BTreeSet::from([Ipv4Addr::new(10, 213, 4, 2)])),
            None
        );
    }

    #[test]
    fn the_routing_table_is_read_without_its_default_route() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     tun0\t0000D50A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                     broken line\n";
        assert_eq!(routes(table), [subnet("10.213.0.0/24")]);
    }

    #[test]
    fn what_is_not_ipv4_is_no_subnet() {
        for text in ["fd00::/64", "10.0.0.0", "10.0.0.0/33", ""] {
            assert_eq!(Subnet::parse(text), None, "{text}");
        }
    }
}
