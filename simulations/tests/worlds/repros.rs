//! Runs that failed once and were made small (`shrink`): each is a file that says what it found.

use std::{fs, path::Path};

use weft_simulations::dst::Plan;

#[test]
fn what_failed_once_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("repros");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let plan: Plan = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        plan.check().unwrap();
        let ended = plan.end();
        assert!(ended.is_ok(), "{}: {}", file.display(), ended.unwrap_err());
    }
}
