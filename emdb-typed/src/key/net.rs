//! IP addresses: their octets. An [`IpAddr`] has its version in front, so that addresses of
//! version 4 come first, as they do in its `Ord`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::decode::{Key, decode_whole};
use super::encode::EncodeKey;
use super::error::KeyError;
use super::fixed;

const V4: u8 = 4;
const V6: u8 = 6;

fixed_width! {
    Ipv4Addr: 4, Ipv4Addr::octets, |octets| Ok(Ipv4Addr::from(octets));
    Ipv6Addr: 16, Ipv6Addr::octets, |octets| Ok(Ipv6Addr::from(octets));
}

impl EncodeKey for IpAddr {
    fn encode_into(&self, out: &mut Vec<u8>) {
        match self {
            IpAddr::V4(address) => {
                out.push(V4);
                address.encode_into(out);
            }
            IpAddr::V6(address) => {
                out.push(V6);
                address.encode_into(out);
            }
        }
    }

    fn encode_part(&self, out: &mut Vec<u8>) {
        self.encode_into(out);
    }
}

as_key!(IpAddr);

impl Key for IpAddr {
    fn decode(bytes: &[u8]) -> Result<Self, KeyError> {
        decode_whole(bytes)
    }

    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        match fixed::take(bytes)? {
            [V4] => Ipv4Addr::decode_part(bytes).map(IpAddr::V4),
            [V6] => Ipv6Addr::decode_part(bytes).map(IpAddr::V6),
            _ => Err(KeyError::Value { expected: "an IP address, which begins with 4 or 6" }),
        }
    }
}
