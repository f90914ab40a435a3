//! The explorer: a page for people, part of every node.
//!
//! Plain modules of JavaScript, one sheet of styles and a verifier in WebAssembly, all inside the
//! program: no step builds them, and a browser asks nobody but this node. What they show comes from
//! the same API that everybody has.
//!
//! Invariant: the policy below lets the page run its own scripts and talk to its own node, nothing
//! else; so text that a stranger posted can never become a script, even if the page had a mistake.
//!
//! Left out on purpose: a framework, minifying and compression. All of it together is smaller than
//! one picture.

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use weft_core::digest::{Domain, digest};

use crate::api::SharedApi;

/// What the page may do. `wasm-unsafe-eval` allows WebAssembly and not `eval`.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// One file of the explorer.
struct Asset {
    /// Below the root of the node.
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const STYLES: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const WASM: &str = "application/wasm";

/// `/explorer/NAME` for each file of `node/explorer`.
macro_rules! assets {
    ($($name:literal $kind:ident,)*) => {
        [$(Asset {
            path: concat!("/explorer/", $name),
            kind: $kind,
            bytes: include_bytes!(concat!("../explorer/", $name)),
        }),*]
    };
}

const PAGE: Asset =
    Asset { path: "/", kind: HTML, bytes: include_bytes!("../explorer/index.html") };

const ASSETS: &[Asset] = &assets![
    "account.js" SCRIPT,
    "app.js" SCRIPT,
    "canvas.js" SCRIPT,
    "chart.js" SCRIPT,
    "commit.js" SCRIPT,
    "dag.js" SCRIPT,
    "dom.js" SCRIPT,
    "explorer.css" STYLES,
    "favicon.svg" SVG,
    "lanes.js" SCRIPT,
    "market.js" SCRIPT,
    "network.js" SCRIPT,
    "node.js" SCRIPT,
    "picture.js" SCRIPT,
    "proof.js" SCRIPT,
    "said.js" SCRIPT,
    "search.js" SCRIPT,
    "stream.js" SCRIPT,
    "transaction.js" SCRIPT,
    "verifier.wasm" WASM,
    "words.js" SCRIPT,
];

/// The page at `/`, and all it loads.
pub(crate) fn routes() -> Router<SharedApi> {
    let all = std::iter::once(&PAGE).chain(ASSETS);
    all.fold(Router::new(), |router, asset| {
        let tag = tag(asset.bytes);
        router.route(asset.path, get(async move |request: Request| serve(asset, tag, &request)))
    })
}

/// A name of these very bytes, in the form of an `ETag`.
fn tag(bytes: &[u8]) -> HeaderValue {
    let [a, b, c, d, e, f, g, h, ..] = digest(Domain::Content, bytes);
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    HeaderValue::from_str(&format!("\"{number:016x}\"")).expect("digits and letters")
}

/// The file, or that the browser has it. It always asks: after an update it must not mix old and
/// new.
fn serve(asset: &'static Asset, tag: HeaderValue, request: &Request) -> Response {
    let is_known = has(request.headers(), &tag);
    let fixed = |name: HeaderName, text| (name, HeaderValue::from_static(text));
    let headers = [
        (header::ETAG, tag),
        fixed(header::CACHE_CONTROL, "no-cache"),
        fixed(header::CONTENT_TYPE, asset.kind),
        fixed(header::CONTENT_SECURITY_POLICY, POLICY),
        fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        fixed(header::REFERRER_POLICY, "no-referrer"),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, asset.bytes).into_response()
}

/// Whether the browser says that it has the file of this tag.
fn has(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(','));
    known.any(|known| known.trim().trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("explorer")
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
        let there: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
        let served = ASSETS.iter().map(|asset| asset.path.trim_start_matches("/explorer/"));
        let served: BTreeSet<String> =
            served.chain(["index.html"]).map(ToOwned::to_owned).collect();
        assert_eq!(there, served);
    }

    #[test]
    fn what_a_file_loads_is_served_and_nothing_comes_from_elsewhere() {
        for Asset { path, kind, bytes } in ASSETS.iter().chain([&PAGE]) {
            if *kind == WASM {
                continue;
            }
            let text = std::str::from_utf8(bytes).unwrap();
            for foreign in ["http://", "https://", "style=", "onclick=", "<script>", "innerHTML"] {
                let text = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(foreign), "{path} holds {foreign}");
            }
            for name in text.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next()) {
                let wanted = format!("/explorer/{name}");
                assert!(ASSETS.iter().any(|asset| asset.path == wanted), "{path} loads {name}");
            }
            for name in
                text.split("=\"/explorer/").skip(1).filter_map(|rest| rest.split('"').next())
            {
                let wanted = format!("/explorer/{name}");
                assert!(ASSETS.iter().any(|asset| asset.path == wanted), "{path} loads {name}");
            }
        }
    }

    #[test]
    fn files_keep_to_the_house_sizes() {
        for Asset { path, kind, bytes } in ASSETS.iter().chain([&PAGE]) {
            if *kind == WASM {
                assert!(bytes.starts_with(b"\0asm"), "{path} is WebAssembly");
                continue;
            }
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(text.lines().count() <= 400, "{path} is too long");
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{path} has long lines");
        }
    }

    #[test]
    fn a_browser_that_has_the_file_is_told_so() {
        let (tag, mut headers) = (tag(b"x"), HeaderMap::new());
        assert!(!has(&headers, &tag));
        for known in ["\"0\", W/%", "%", "\"0\",%"] {
            let known = known.replace('%', tag.to_str().unwrap());
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(&known).unwrap());
            assert!(has(&headers, &tag), "{known}");
        }
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"0\""));
        assert!(!has(&headers, &tag));
    }
}
