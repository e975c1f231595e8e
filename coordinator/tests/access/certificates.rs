//! A CA of a test's own, and certificates that it signs.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// A CA whose files lie in a folder.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    folder: PathBuf,
    name: &'static str,
}

/// A certificate's file and its key's.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &'static str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("{name} CA"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        std::fs::write(folder.join(format!("{name}.crt")), pem).unwrap();
        Self { params, key, folder: folder.to_owned(), name }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.crt", self.name))
    }

    /// A coordinator's certificate, for 127.0.0.1 and den.example.
    pub(crate) fn server(&self, file: &str) -> Pair {
        let hosts = vec![
            SanType::IpAddress([127, 0, 0, 1].into()),
            SanType::DnsName("den.example".try_into().unwrap()),
        ];
        self.issue(file, hosts, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A caller's.
    pub(crate) fn caller(&self, file: &str, uri: &str) -> Pair {
        let names = vec![SanType::URI(uri.try_into().unwrap())];
        self.issue(file, names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A caller's that ends soon.
    #[allow(clippy::disallowed_methods, reason = "a certificate's end is a time of day")]
    pub(crate) fn ending_after(&self, file: &str, uri: &str, time: std::time::Duration) -> Pair {
        let names = vec![SanType::URI(uri.try_into().unwrap())];
        let ends = time::OffsetDateTime::from(std::time::SystemTime::now() + time);
        self.issue_until(file, names, ExtendedKeyUsagePurpose::ClientAuth, Some(ends))
    }

    pub(crate) fn issue(&self, file: &str, names: Vec<SanType>, usage: ExtendedKeyUsagePurpose) -> Pair {
        self.issue_until(file, names, usage, None)
    }

    fn issue_until(
        &self,
        file: &str,
        names: Vec<SanType>,
        usage: ExtendedKeyUsagePurpose,
        ends: Option<time::OffsetDateTime>,
    ) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, file);
        params.subject_alt_names = names;
        params.extended_key_usages = vec![usage];
        if let Some(ends) = ends {
            params.not_after = ends;
        }
        let signed = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        let pair = Pair {
            cert: self.folder.join(format!("{file}.crt")),
            key: self.folder.join(format!("{file}.key")),
        };
        std::fs::write(&pair.cert, signed.pem()).unwrap();
        std::fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }
}
