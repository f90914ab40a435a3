//! What does not open, and what does not write.

use std::{env, fs, path::Path};

use weft_storage::{FjallStore, StoreError};

use super::{
    Disk, Subject, add,
    opening::open,
    support::{Model, small_world},
};

fn refused(dir: &Path) -> StoreError {
    open(dir).map(|opened| opened.store).unwrap_err()
}

#[test]
fn a_store_in_use_is_refused() {
    let disk = Disk::new();
    assert!(matches!(refused(disk.dir.path()), StoreError::Locked { .. }));
    disk.restart();
}

#[test]
fn a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::write(dir.path().join("format"), "weft-store 5\n").unwrap();
    let refused = refused(dir.path());
    let StoreError::Format { actual, expected, .. } = &refused else { panic!("{refused}") };
    assert_eq!((actual.as_str(), expected.as_str()), ("weft-store 5", "weft-store 4"));
}

#[test]
fn a_directory_of_others_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("photo.jpg"), "..").unwrap();
    assert!(matches!(refused(dir.path()), StoreError::NotAStore { .. }));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "the photo and the lock");
}

#[test]
fn garbage_in_place_of_the_database_is_refused() {
    for file in ["data/version", "data/keyspaces/0/current", "data/keyspaces/1/current"] {
        let (mut disk, mut model) = (Disk::new(), Model::default());
        add(disk.store(), &mut model, &small_world()[..9], true);
        disk = disk.restart();
        let Disk { store, dir } = disk;
        drop(store);
        let path = dir.path().join(file);
        assert!(path.exists(), "{file} is a file of the database");
        fs::write(path, b"garbage, and more of it, longer than any header").unwrap();
        let refused = refused(dir.path());
        assert!(matches!(refused, StoreError::Open { .. }), "{file}: {refused}");
    }
}

#[cfg(target_os = "linux")]
mod full {
    //! A disk that takes no more: the limit on file sizes of a process stands in for it.

    use std::{
        io::{BufRead as _, Write as _},
        process::Command,
    };

    use super::{super::opening::spawn, *};

    const DIR: &str = "WEFT_STORE_TEST_FULL_DIR";

    /// Not a test: the process whose disk is full after its first batch.
    #[test]
    fn child() {
        let Some(dir) = env::var_os(DIR) else { return };
        let store = open(Path::new(&dir)).unwrap().store;
        let mut model = Model::default();
        add(&store, &mut model, &small_world()[..10], true);
        limit("0");
        let refused = store_error(&store, &model);
        println!("\nrefused: {refused}");
        limit("unlimited");
        println!("still refused: {}", store_error(&store, &model));
        std::io::stdout().flush().unwrap();
    }

    fn store_error(store: &FjallStore, model: &Model) -> StoreError {
        use weft_storage::Store as _;
        store.commit(&model.batch(&small_world()[10..20]), true).unwrap_err()
    }

    fn limit(bytes: &str) {
        let own = format!("--pid={}", std::process::id());
        let size = format!("--fsize={bytes}:unlimited");
        assert!(Command::new("prlimit").args([own, size]).status().unwrap().success());
    }

    #[test]
    fn after_a_failed_write_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        // The signal that comes with the limit is ignored, so that the write fails instead.
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" --exact refused::full::child --nocapture"])
            .arg(env::current_exe().unwrap())
            .env(DIR, dir.path());
        let (mut child, said) = spawn(&mut command);
        let lines = said.lines().map(Result::unwrap);
        let said: Vec<String> = lines.filter(|line| line.contains("refused: ")).collect();
        assert!(child.wait().unwrap().success());
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!(said[1], format!("still {}", said[0]), "the first failure, again");

        let opened = open(dir.path()).unwrap();
        assert_eq!(opened.lost, None);
        let mut model = Model::default();
        model.apply(&model.batch(&small_world()[..10]));
        model.check(&opened.store);
    }
}
