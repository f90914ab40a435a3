//! The interface as the header has it.

use anyhow::{Result, bail};

use super::{Interface, Item, Named, Type, tokens::Tokens};

/// Types that stand by a name alone; structures of the header itself come to them.
const NAMES: &[&str] =
    &["void", "char", "int", "size_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t"];

/// What a header offers.
pub(super) fn interface(header: &str) -> Result<Interface> {
    let mut found = Interface::default();
    let rest = directives(header, &mut found)?;
    let tokens = &mut Tokens::new(&rest);
    while !tokens.is_at_end() {
        if tokens.take(&["typedef", "struct"]) {
            structure(tokens, &mut found)?;
        } else {
            let Named { name, of } = declared(tokens, &found, false)?;
            tokens.expect("(")?;
            let takes = parameters(tokens, &found)?;
            found.add(&name, Item::Function(takes, of))?;
        }
        tokens.expect(";")?;
    }
    Ok(found)
}

/// Takes what is for the preprocessor out of a header: constants are kept, and what is for C++
/// alone is dropped, as is the rest.
fn directives(header: &str, found: &mut Interface) -> Result<String> {
    let mut kept = String::new();
    let (mut is_for_cpp, mut goes_on) = (false, false);
    for line in header.lines() {
        let was_going_on = goes_on;
        goes_on = line.ends_with('\\');
        let Some(directive) = line.trim_start().strip_prefix('#') else {
            if !is_for_cpp && !was_going_on {
                kept.extend([line, "\n"]);
            }
            continue;
        };
        match directive.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["ifdef", "__cplusplus"] => is_for_cpp = true,
            ["endif", ..] => is_for_cpp = false,
            ["define", name, value, ..] if !name.contains('(') => {
                let value = found.number(value)?;
                found.add(name, Item::Constant(value))?;
            }
            _ => {}
        }
    }
    Ok(kept)
}

fn structure(tokens: &mut Tokens, found: &mut Interface) -> Result<()> {
    let name = tokens.next();
    if !tokens.take(&["{"]) {
        tokens.expect(&name)?;
        return found.add(&name, Item::Opaque);
    }
    let mut fields = Vec::new();
    while !tokens.take(&["}"]) {
        fields.push(declared(tokens, found, false)?);
        tokens.expect(";")?;
    }
    tokens.expect(&name)?;
    found.add(&name, Item::Structure(fields))
}

/// Those of a function, behind its `(`.
fn parameters(tokens: &mut Tokens, found: &Interface) -> Result<Vec<Named>> {
    if tokens.take(&["void", ")"]) {
        return Ok(Vec::new());
    }
    tokens.list(")", |tokens| declared(tokens, found, true))
}

/// A type with the name that stands in the middle of it. An array that `is_parameter` is a pointer
/// to one.
fn declared(tokens: &mut Tokens, found: &Interface, is_parameter: bool) -> Result<Named> {
    let is_const = tokens.take(&["const"]);
    let base = tokens.next();
    if !NAMES.contains(&base.as_str()) && !found.0.contains_key(&base) {
        bail!("{base} is no type that this check knows");
    }
    let mut of = Type::Name(base);
    let is_pointer = tokens.take(&["*"]);
    if is_pointer {
        of = Type::pointer(is_const, of);
    }
    if tokens.take(&["(", "*"]) {
        let name = tokens.next();
        tokens.expect(")")?;
        tokens.expect("(")?;
        let takes = parameters(tokens, found)?;
        return Ok(Named { name, of: Type::Function(takes, Box::new(of)) });
    }
    let name = tokens.next();
    if tokens.take(&["["]) {
        of = Type::array(of, found.number(&tokens.next())?);
        tokens.expect("]")?;
        if is_parameter {
            of = Type::pointer(is_const, of);
        }
    } else if is_const && !is_pointer {
        bail!("const {name} says nothing: it is a copy");
    }
    Ok(Named { name, of })
}
