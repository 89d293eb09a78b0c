//! A certificate authority for one test, and leaves for loopback. rustls takes no self-signed authority for a leaf.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::tool;

/// An authority, in a folder.
#[derive(Debug, Clone)]
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// If OpenSSL refuses.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join("tls");
        fs::create_dir_all(&folder)?;
        let own = Self { folder };
        tool(
            own.openssl()
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
                .args([
                    "-keyout",
                    "ca.key",
                    "-out",
                    "ca.crt",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=test authority",
                    "-addext",
                    "basicConstraints=critical,CA:TRUE",
                    "-addext",
                    "keyUsage=critical,keyCertSign,cRLSign",
                ]),
        );
        Ok(own)
    }

    fn openssl(&self) -> Command {
        let mut command = Command::new("openssl");
        command.current_dir(&self.folder);
        command
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Makes a leaf for loopback, or for a client: certificate and key.
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// If OpenSSL refuses.
    pub fn leaf(&self, name: &str, subject: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
        let (request, key) = self.request(name, subject, "DNS:localhost,IP:127.0.0.1")?;
        let certificate = format!("{name}.crt");
        tool(
            self.openssl()
                .args(["x509", "-req", "-in", &request, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"])
                .args(["-out", &certificate, "-days", "2", "-extfile", &format!("{name}.ext")]),
        );
        Ok((self.folder.join(certificate), key))
    }

    /// Makes a leaf for other names (`DNS:…` or `IP:…`), which holds until a moment (`YYYYMMDDHHMMSSZ`).
    ///
    /// # Errors
    /// What the system says.
    ///
    /// # Panics
    /// If OpenSSL refuses.
    pub fn leaf_until(&self, name: &str, names: &str, until: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
        let (request, key) = self.request(name, "/CN=vault.example.com", names)?;
        let certificate = format!("{name}.crt");
        fs::write(self.folder.join("index.txt"), "")?;
        fs::write(
            self.folder.join("ca.conf"),
            "[ca]\ndefault_ca=a\n[a]\nnew_certs_dir=.\ndatabase=index.txt\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n",
        )?;
        // Only this one can make what has ended already.
        tool(
            self.openssl()
                .args(["ca", "-batch", "-notext", "-config", "ca.conf", "-cert", "ca.crt", "-keyfile", "ca.key"])
                .args(["-startdate", "20200101000000Z", "-enddate", until, "-extfile", &format!("{name}.ext")])
                .args(["-in", &request, "-out", &certificate]),
        );
        Ok((self.folder.join(certificate), key))
    }

    /// Asks for a leaf: the request's name, and the key.
    fn request(&self, name: &str, subject: &str, names: &str) -> anyhow::Result<(String, PathBuf)> {
        fs::write(
            self.folder.join(format!("{name}.ext")),
            format!("subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n"),
        )?;
        let (key, request) = (format!("{name}.key"), format!("{name}.csr"));
        tool(
            self.openssl()
                .args(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
                .args(["-keyout", &key, "-out", &request, "-subj", subject]),
        );
        Ok((request, self.folder.join(key)))
    }
}
