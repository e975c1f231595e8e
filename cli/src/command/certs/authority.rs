//! The CA: what its certificates say and how they are signed.

use std::fmt;
use std::net::IpAddr;

use foldwise_coordinator::access::Principal;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use time::OffsetDateTime;

use super::CertsError;

/// Clocks of other machines may be behind by so much, s.
const CLOCKS_APART_S: i64 = 3600;
const DAY_S: i64 = 86_400;
/// Longest name of a machine, of RFC 1035.
const HOST_BYTES_MAX: usize = 253;

/// What a certificate is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A coordinator that is asked for by these.
    Server(Vec<SanType>),
    /// Somebody who calls one.
    Caller(Principal),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(_) => f.write_str("the coordinator"),
            Self::Caller(principal) => write!(f, "{principal}"),
        }
    }
}

/// A machine's name or address as a certificate holds it.
pub(super) fn host(text: &str) -> Result<SanType, CertsError> {
    let wrong = || CertsError::Host(text.to_owned());
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        !label.is_empty() && label.len() <= 63 && plain
    };
    let fine = text.len() <= HOST_BYTES_MAX && text.split('.').all(label);
    let name = text.to_ascii_lowercase().try_into().map_err(|_| wrong())?;
    if fine { Ok(SanType::DnsName(name)) } else { Err(wrong()) }
}

/// A CA of ours. Its name follows from its key, so that the key is all that it needs, and no two have the same.
pub(super) struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    pub(super) fn new(key: KeyPair) -> Self {
        let digest = blake3::hash(&key.subject_public_key_info()).to_hex();
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("Foldwise CA {}", &digest[..8]));
        // It signs callers and servers, and no other CA.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self { params, key }
    }

    /// Its own certificate, as PEM.
    pub(super) fn certificate(&self, now_unix_s: i64, days: u32) -> Result<String, CertsError> {
        let mut params = self.params.clone();
        (params.not_before, params.not_after) = between(now_unix_s, days);
        Ok(params.self_signed(&self.key)?.pem())
    }

    /// A certificate for a key, as PEM.
    pub(super) fn issue(
        &self,
        key: &KeyPair,
        name: &str,
        purpose: &Purpose,
        now_unix_s: i64,
        days: u32,
    ) -> Result<String, CertsError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        (params.not_before, params.not_after) = between(now_unix_s, days);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match purpose {
            Purpose::Server(hosts) => {
                params.subject_alt_names.clone_from(hosts);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }
            Purpose::Caller(principal) => {
                params.subject_alt_names = vec![SanType::URI(principal.uri().try_into()?)];
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
        }
        Ok(params.signed_by(key, &Issuer::from_params(&self.params, &self.key))?.pem())
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn between(now_unix_s: i64, days: u32) -> (OffsetDateTime, OffsetDateTime) {
    let at = |unix_s| OffsetDateTime::from_unix_timestamp(unix_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (at(now_unix_s - CLOCKS_APART_S), at(now_unix_s + i64::from(days) * DAY_S))
}
