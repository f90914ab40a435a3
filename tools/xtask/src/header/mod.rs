//! The C header says what the library has: each function, structure and constant, both ways.
//!
//! The header is written by hand, for people; the compiler never sees it beside the sources. So
//! both are read into one [`Interface`] and compared: names, order and types of parameters and
//! fields, values of constants. (That the constants are the protocol's, the library asserts.)
//!
//! Both are read by a small reader of our own that knows the forms that stand in these files and
//! refuses any other: what it cannot read, it cannot let pass.
//!
//! Left out on purpose: macros with parameters. A C example uses each.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::shell::Shell;

mod c;
mod rust;
mod tokens;

const HEADER: &str = "client/c/include/weft_client.h";
const SOURCES: &str = "client/c/src";
/// What all names of the interface begin with.
const PREFIX: &str = "weft_";

/// What a library offers, by name.
#[derive(Debug, Default, PartialEq)]
struct Interface(BTreeMap<String, Item>);

#[derive(Debug, PartialEq)]
enum Item {
    Constant(i64),
    /// What it takes, and what it returns.
    Function(Vec<Named>, Type),
    Structure(Vec<Named>),
    /// A structure that only the library looks into.
    Opaque,
}

/// A parameter or a field.
#[derive(Debug, PartialEq)]
struct Named {
    name: String,
    of: Type,
}

/// A type, by its name in C.
#[derive(Debug, PartialEq)]
enum Type {
    Name(String),
    Pointer { is_const: bool, to: Box<Self> },
    Array(Box<Self>, i64),
    Function(Vec<Named>, Box<Self>),
}

impl Type {
    fn named(name: &str) -> Self {
        Self::Name(name.to_owned())
    }

    fn pointer(is_const: bool, to: Self) -> Self {
        Self::Pointer { is_const, to: Box::new(to) }
    }

    /// An array of arrays is one that is longer: C's callers see bytes.
    fn array(of: Self, count: i64) -> Self {
        match of {
            Self::Array(of, inner) => Self::Array(of, inner * count),
            of => Self::Array(Box::new(of), count),
        }
    }
}

impl Interface {
    fn add(&mut self, name: &str, item: Item) -> Result<()> {
        match self.0.insert(name.to_owned(), item) {
            None => Ok(()),
            Some(_) => bail!("{name} is there twice"),
        }
    }

    /// A number, or a constant read before.
    fn number(&self, text: &str) -> Result<i64> {
        if let Some(Item::Constant(value)) = self.0.get(text) {
            return Ok(*value);
        }
        text.trim_end_matches('u').parse().with_context(|| format!("{text} is no number"))
    }
}

/// Compares the header with the sources; how many items both have.
pub(crate) fn check(shell: &Shell) -> Result<usize> {
    let folder = shell.root().join(SOURCES);
    let mut sources = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {SOURCES}"))? {
        sources.push(fs::read_to_string(entry?.path())?);
    }
    let header = fs::read_to_string(shell.root().join(HEADER)).context(HEADER)?;
    let (library, header) = (
        rust::interface(&sources).with_context(|| format!("in {SOURCES}"))?,
        c::interface(&header).with_context(|| format!("in {HEADER}"))?,
    );
    let found = differences(&library, &header);
    found.iter().try_for_each(|line| shell.say(line))?;
    if !found.is_empty() {
        bail!("{HEADER} is not what {SOURCES} has: {}", found.join("; "));
    }
    Ok(library.0.len())
}

fn differences(library: &Interface, header: &Interface) -> Vec<String> {
    let missing = |of: &Interface, than: &Interface, place: &str| -> Vec<String> {
        let names = of.0.keys().filter(|name| !than.0.contains_key(*name));
        names.map(|name| format!("{name} is not in the {place}")).collect()
    };
    let both = library.0.iter().filter_map(|(name, item)| Some((name, item, header.0.get(name)?)));
    let other = both.filter(|(_, ours, theirs)| ours != theirs);
    let other =
        other.map(|(name, ours, theirs)| format!("{name}: library {ours:?}, header {theirs:?}"));
    let sides =
        [missing(library, header, "header"), missing(header, library, "library")].into_iter();
    sides.flatten().chain(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = r#"
        /// Bytes.
        pub const WEFT_BYTES: usize = 16;
        pub const WEFT_BAD: c_int = -1;
        pub struct WeftDevice(Device<Key>);
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct WeftPlatform {
            pub context: *mut c_void,
            pub read: Option<
                unsafe extern "C" fn(to: *mut [u8; WEFT_BYTES], slot: c_int) -> c_int,
            >,
            pub id: [u8; 32],
        }
        #[unsafe(no_mangle)]
        pub extern "C" fn weft_text(error: c_int) -> *const c_char { "a // \" b".as_ptr() }
        pub unsafe extern "C" fn weft_seal(
            device: *mut WeftDevice,
            parents: *const [[u8; 32]; 2],
            room: usize,
        ) {
            let slice = |a: &'static [u8]| a;
        }
    "#;
    const C: &str = r#"
        #ifndef H
        #define H
        #include <stdint.h>
        #ifdef __cplusplus
        extern "C" {
        #endif
        #define WEFT_BYTES 16u /* bytes */
        #define WEFT_BAD -1
        #define WEFT_SUM(a, b) \
            ((a) + (b))
        typedef struct weft_device weft_device;
        /* What; (is brought). */
        typedef struct weft_platform {
            void *context;
            int (*read)(uint8_t to[WEFT_BYTES], int slot);
            uint8_t id[32];
        } weft_platform;
        const char *weft_text(int error);
        void weft_seal(weft_device *device, const uint8_t parents[64],
                       size_t room);
        #ifdef __cplusplus
        }
        #endif
        #endif
    "#;

    fn compared(rust: &str, c: &str) -> Result<Vec<String>> {
        Ok(differences(&rust::interface(&[rust.to_owned()])?, &c::interface(c)?))
    }

    #[test]
    fn one_interface_in_two_languages_is_the_same() {
        assert_eq!(compared(RUST, C).unwrap(), [""; 0]);
        assert_eq!(rust::interface(&[RUST.to_owned()]).unwrap().0.len(), 6);
    }

    #[test]
    fn whatever_is_changed_on_one_side_is_named() {
        for (from, to, name) in [
            ("size_t room", "int room", "weft_seal"),
            ("size_t room", "size_t space", "weft_seal"),
            ("parents[64]", "parents[32]", "weft_seal"),
            ("const uint8_t parents", "uint8_t parents", "weft_seal"),
            ("void weft_seal", "int weft_seal", "weft_seal"),
            ("const uint8_t parents[64],", "", "weft_seal"),
            ("const char *weft_text", "char *weft_text", "weft_text"),
            ("weft_text(int error)", "weft_text(void)", "weft_text"),
            ("WEFT_BYTES 16u", "WEFT_BYTES 17u", "WEFT_BYTES"),
            ("#define WEFT_BAD -1", "", "WEFT_BAD"),
            ("uint8_t id[32];", "", "weft_platform"),
            ("uint8_t id[32];", "uint8_t *id;", "weft_platform"),
            ("int slot)", "int slot, int more)", "weft_platform"),
            ("void weft_seal", "int weft_more(void); void weft_seal", "weft_more"),
        ] {
            assert!(C.contains(from), "{from}");
            let found = compared(RUST, &C.replacen(from, to, 1)).unwrap();
            assert!(found.iter().any(|line| line.starts_with(name)), "{from}: {found:?}");
        }
        let found = compared(&RUST.replace("error: c_int", "error: u32"), C).unwrap();
        assert!(found.iter().any(|line| line.starts_with("weft_text")), "{found:?}");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert!(compared(&RUST.replace("error: c_int", "error: Error"), C).is_err());
        assert!(compared(RUST, &C.replace("WEFT_BYTES 16u", "WEFT_BYTES (16)")).is_err());
        assert!(compared(RUST, &C.replace("int slot", "struct slot *slot")).is_err());
        assert!(compared(RUST, &C.replace("typedef struct weft_device weft_device;", "")).is_err());
    }
}
