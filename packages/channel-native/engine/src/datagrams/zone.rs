//! Addresses as text, with the zone that local ones of IPv6 need: `fe80::1%eth0`.

use std::{
    ffi::{CStr, CString},
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
};

/// The address that a text means; the zone is the name of an interface, or its number.
#[must_use]
pub fn address(text: &str, port: u16) -> Option<SocketAddr> {
    let Some((ip, zone)) = text.split_once('%') else {
        return Some(SocketAddr::new(text.parse().ok()?, port));
    };
    let ip: Ipv6Addr = ip.parse().ok()?;
    Some(SocketAddrV6::new(ip, port, 0, zone.parse().ok().or_else(|| number(zone))?).into())
}

/// An address as text. One of IPv4 is written as such, also where it came by IPv6.
#[must_use]
pub fn text(of: SocketAddr) -> String {
    let ip = of.ip().to_canonical();
    match of {
        SocketAddr::V6(v6) if ip.is_ipv6() && v6.scope_id() > 0 => format!("{ip}%{}", name(v6.scope_id())),
        _ => ip.to_string(),
    }
}

fn number(zone: &str) -> Option<u32> {
    let name = CString::new(zone).ok()?;
    // SAFETY: a string that ends with a zero.
    let number = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (number > 0).then_some(number)
}

/// The name of an interface, or its number where it has none any more.
fn name(number: u32) -> String {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: there is room for the longest name and its zero.
    let found = unsafe { libc::if_indextoname(number, name.as_mut_ptr()) };
    if found.is_null() {
        return number.to_string();
    }
    // SAFETY: the system has written a string that ends with a zero.
    unsafe { CStr::from_ptr(found) }.to_string_lossy().into_owned()
}
