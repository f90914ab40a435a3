//! What the processor can do, as far as libraries choose their code by it.
//!
//! Under valgrind that is the processor which valgrind plays: one with AVX2 where the true one has
//! it, and never with AVX-512.

/// The architecture and the features that are seen, in one line.
pub(crate) fn seen() -> String {
    [std::env::consts::ARCH].into_iter().chain(features()).collect::<Vec<_>>().join(" ")
}

#[cfg(target_arch = "x86_64")]
fn features() -> impl Iterator<Item = &'static str> {
    let detected = [
        ("ssse3", is_x86_feature_detected!("ssse3")),
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("bmi1", is_x86_feature_detected!("bmi1")),
        ("bmi2", is_x86_feature_detected!("bmi2")),
        ("adx", is_x86_feature_detected!("adx")),
        ("sha", is_x86_feature_detected!("sha")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vl", is_x86_feature_detected!("avx512vl")),
    ];
    detected.into_iter().filter_map(|(name, is_there)| is_there.then_some(name))
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> impl Iterator<Item = &'static str> {
    [].into_iter()
}
