//! Whom a certificate names.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::access::Principal;
use crate::clock::Clock;

/// What the names of principals begin with in certificates.
const SCHEME: &str = "foldwise://";

/// The principal in a certificate that was verified. One with several of our names, good or not, or with none, is nobody's:
/// its bearer shows a token.
pub(super) fn principal(certificate: &CertificateDer<'_>) -> Option<Principal> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let mut named = certificate.valid_uri_names().filter(|uri| uri.starts_with(SCHEME));
    let principal = named.next().and_then(|uri| Principal::from_uri(uri).ok());
    principal.filter(|_| named.next().is_none())
}

/// Time until a certificate ends; none for one that has ended, or does not say.
pub(super) fn ends_after(certificate: &CertificateDer<'_>) -> Duration {
    let read = Certificate::from_der(certificate).ok();
    let ends = read.map(|certificate| certificate.tbs_certificate.validity.not_after.to_unix_duration());
    let now = Duration::from_millis(Clock::start().now().unix_ms);
    ends.unwrap_or_default().saturating_sub(now)
}

/// The names of machines in a certificate.
pub(super) fn machines(certificate: &CertificateDer<'_>) -> Vec<String> {
    let parsed = EndEntityCert::try_from(certificate);
    parsed.map(|certificate| certificate.valid_dns_names().map(str::to_owned).collect()).unwrap_or_default()
}
