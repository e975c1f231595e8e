//! A coordinator's address, as a person writes it.

use std::net::IpAddr;

use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Uri;

/// Not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` cannot be used as an address: {why}")]
pub struct AddressError {
    /// As it was given, without what may be a secret.
    pub url: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// `http://` or `https://`, a machine and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    uri: Uri,
}

impl Address {
    /// Reads it. Where no scheme is written, `tls` says which is meant.
    pub(crate) fn read(text: &str, tls: bool) -> Result<Self, AddressError> {
        let scheme = if tls { "https" } else { "http" };
        let url = if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
        let wrong = |why| AddressError { url: shown(&url), why };
        let uri: Uri = url.parse().map_err(|_| wrong("it is not an address"))?;
        match uri.scheme_str() {
            Some("http" | "https") => {}
            _ => return Err(wrong("only http:// and https:// addresses are understood")),
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(wrong("it names no machine"));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("it holds a name or a secret, which do not belong into an address"));
        }
        if !matches!(uri.path_and_query().map(PathAndQuery::as_str), None | Some("/")) || url.contains('#') {
            return Err(wrong("nothing comes after the machine and its port"));
        }
        let written = uri.authority().is_some_and(|machine| {
            machine.as_str().contains("]:") || machine.as_str().matches(':').count() == 1
        });
        if written && uri.port_u16().is_none() {
            return Err(wrong("its port is no number from 0 to 65535"));
        }
        Ok(Self { url, uri })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Whether what is sent stays on this machine.
    pub(crate) fn is_local(&self) -> bool {
        let host = machine(&self.uri);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// An address without what stands before an `@` or after the machine: either may be a secret.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let machine = rest[..end].rsplit('@').next().unwrap_or_default();
    let [before, after] =
        [rest[..end].contains('@'), end < rest.len()].map(|more| if more { "…" } else { "" });
    let at = if before.is_empty() { "" } else { "@" };
    format!("{scheme}://{before}{at}{machine}{after}")
}

/// The machine, without the brackets of an IPv6 address.
pub(crate) fn machine(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_machine_and_a_port_are_enough() {
        assert_eq!(Address::read("den:7070", false).unwrap().url(), "http://den:7070");
        assert_eq!(Address::read("den:7070", true).unwrap().url(), "https://den:7070");
        assert!(Address::read("https://den", false).unwrap().is_tls());
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, why) in [
            ("ftp://den", "only http://"),
            ("http://", "not an address"),
            ("http://user:secret@den", "a secret"),
            ("a b", "not an address"),
            ("den:71710", "no number from 0 to 65535"),
            ("[::1]:71710", "no number from 0 to 65535"),
            ("http://den:7070?token=secret", "nothing comes after"),
            ("http://den:7070/secret", "nothing comes after"),
            ("http://den:7070/#secret", "nothing comes after"),
            ("postgres://u:secret@den/x", "only http://"),
        ] {
            let error = Address::read(text, false).unwrap_err();
            assert!(error.why.contains(why), "{text}: {}", error.why);
            assert!(!error.url.contains("secret"), "{}", error.url);
        }
        assert!(Address::read("http://den:7070/", false).is_ok());
        assert!(!Address::read("http://den", true).unwrap().is_tls(), "what is written is meant");
    }

    #[test]
    fn loopback_is_this_machine() {
        for (text, local) in [
            ("http://127.0.0.1:7070", true),
            ("http://[::1]:7070", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(Address::read(text, false).unwrap().is_local(), local, "{text}");
        }
    }
}
