//! What broke a connection, in words that help.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// What HTTP/2 makes of the first bytes of TLS: an alert is no frame.
const ALERT: &str = "frame with invalid size";

/// The cause of causes says most: `Connection refused` rather than `transport error`.
#[must_use]
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    let text = error.to_string();
    if text.contains(ALERT) { format!("{text}; it may speak TLS: try https://") } else { text }
}

/// An error of TLS with its remedy.
pub(crate) fn explained(error: io::Error) -> io::Error {
    use CertificateError as Certificate;
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return error;
    };
    let message = match tls {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "its certificate is signed by a CA that is not trusted here: name the CA's certificate with --ca".to_owned()
        }
        rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "its certificate has expired: its operator makes a new one with `foldwise certs issue server`".to_owned()
        }
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => "its certificate is for other names than the one that was asked for: use one of those, or have one issued \
              with --host"
            .to_owned(),
        rustls::Error::InvalidMessage(_) => "it does not speak TLS: try http://".to_owned(),
        rustls::Error::AlertReceived(alert) => {
            format!("it refused this program's certificate ({alert:?}): was it issued by the coordinator's CA?")
        }
        other => other.to_string(),
    };
    io::Error::new(error.kind(), message)
}
