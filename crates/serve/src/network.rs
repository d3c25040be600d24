//! Which addresses are meant.

use std::net::IpAddr;

use ipnet::IpNet;

/// A list of networks, such as those of an organisation's proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// A word that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoNetwork(pub String);

impl Networks {
    /// True if the address lies in one of them. IPv4 within IPv6 is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// From words such as `10.0.0.0/8`, or single addresses.
    ///
    /// # Errors
    /// The first word that is neither.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, NoNetwork> {
        let network = |word: &'a str| {
            let found = word.parse().or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
            found.map_err(|_| NoNetwork(word.to_owned()))
        };
        words.into_iter().map(network).collect::<Result<_, _>>().map(Self)
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_addresses() {
        let networks = Networks::parse(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]).unwrap();
        for (address, inside) in [
            ("10.255.0.1", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:1::1", true),
            ("::1", false),
        ] {
            assert_eq!(networks.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert_eq!(Networks::parse(["10.0.0.0/8", "10.0.0.0/33"]), Err(NoNetwork("10.0.0.0/33".to_owned())));
    }
}
