//! TLS of the doors: rustls with aws-lc-rs, TLS 1.3 alone.
//!
//! The hybrid X25519MLKEM768 stands first among key exchanges, so a client that offers it gets it;
//! devices that cannot still get in. (Between nodes there is no such choice: `weft-net`.)

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{default_provider, kx_group},
    },
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsConfig;

/// Reads the certificate and its key. The cause names the file that is wrong.
pub(crate) fn acceptor(config: &TlsConfig, alpn: &[&[u8]]) -> Result<TlsAcceptor, String> {
    let (file, key_file) = (&config.certificate_file, &config.key_file);
    let wrong = |file: &std::path::Path, cause: &dyn std::fmt::Display| {
        format!("{} cannot be used for TLS: {cause}", file.display())
    };
    let chain = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<_, _>>);
    let chain: Vec<_> = chain.map_err(|error| wrong(file, &error))?;
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| wrong(key_file, &error))?;
    let server = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .map_err(|error| error.to_string())?;
    let server = server.with_no_client_auth().with_single_cert(chain, key);
    let mut server = server.map_err(|error| wrong(file, &error))?;
    server.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn provider() -> CryptoProvider {
    let provider = default_provider();
    let mut kx_groups = vec![kx_group::X25519MLKEM768];
    let hybrid = kx_group::X25519MLKEM768.name();
    kx_groups.extend(provider.kx_groups.iter().filter(|group| group.name() != hybrid));
    CryptoProvider { kx_groups, ..provider }
}
