//! What a provider has beside the hosts themselves, as a plan shows it: networks, rules, keys, addresses.
//!
//! Plain data. Providers give it; `plan` makes steps of it, and never asks a provider.

/// One thing that is to be made, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// In the provider's own words, in lower case: `network`, `key`, `security group`, `floating IP`.
    pub kind: &'static str,
    /// The provider's name of it; where that is known only once it is made, the host that it is for.
    pub name: String,
    pub change: Change,
    /// In a few words: what is missing or what differs.
    pub why: String,
}

/// What happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Make,
    Change,
    Remove,
}
