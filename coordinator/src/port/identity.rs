//! Whom a certificate names.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::access::Principal;

/// The principal in a certificate that was verified. One with several names, or with none of ours, is nobody's: its
/// bearer shows a token.
pub(super) fn principal(certificate: &CertificateDer<'_>) -> Option<Principal> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let mut named = certificate.valid_uri_names().filter_map(|uri| Principal::from_uri(uri).ok());
    let principal = named.next();
    principal.filter(|_| named.next().is_none())
}

/// The names of machines in a certificate.
pub(super) fn machines(certificate: &CertificateDer<'_>) -> Vec<String> {
    let parsed = EndEntityCert::try_from(certificate);
    parsed.map(|certificate| certificate.valid_dns_names().map(str::to_owned).collect()).unwrap_or_default()
}
