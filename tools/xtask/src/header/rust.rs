//! The interface as the Rust sources have it.

use anyhow::{Result, bail};

use super::{Interface, Item, Named, PREFIX, Type, tokens::Tokens};

/// What the files of one library offer to C.
pub(super) fn interface(sources: &[String]) -> Result<Interface> {
    let mut found = Interface::default();
    // Constants first: lengths of arrays name them.
    for source in sources {
        constants(&mut Tokens::new(source), &mut found)?;
    }
    for source in sources {
        items(&mut Tokens::new(source), &mut found)?;
    }
    Ok(found)
}

fn constants(tokens: &mut Tokens, found: &mut Interface) -> Result<()> {
    while !tokens.is_at_end() {
        let is_ours = tokens.peek(2).to_lowercase().starts_with(PREFIX);
        if !(is_ours && tokens.take(&["pub", "const"])) {
            tokens.next();
            continue;
        }
        let name = tokens.next();
        tokens.expect(":")?;
        tokens.next();
        tokens.expect("=")?;
        let sign = if tokens.take(&["-"]) { -1 } else { 1 };
        let value = sign * found.number(&tokens.next())?;
        tokens.expect(";")?;
        found.add(&name, Item::Constant(value))?;
    }
    Ok(())
}

fn items(tokens: &mut Tokens, found: &mut Interface) -> Result<()> {
    let mut is_for_c = false;
    while !tokens.is_at_end() {
        if tokens.take(&["repr", "(", "C", ")"]) {
            is_for_c = true;
        } else if tokens.take(&["pub", "struct"]) {
            let name = snake(&tokens.next());
            if name.starts_with(PREFIX) {
                let item = if is_for_c { structure(tokens, found)? } else { Item::Opaque };
                found.add(&name, item)?;
            }
            is_for_c = false;
        } else if tokens.peek(2).starts_with(PREFIX) && tokens.take(&["extern", "fn"]) {
            let name = tokens.next();
            let (takes, returns) = function(tokens, found)?;
            found.add(&name, Item::Function(takes, returns))?;
        } else {
            tokens.next();
        }
    }
    Ok(())
}

fn structure(tokens: &mut Tokens, found: &Interface) -> Result<Item> {
    tokens.expect("{")?;
    let fields = tokens.list("}", |tokens| {
        tokens.expect("pub")?;
        named(tokens, found)
    });
    Ok(Item::Structure(fields?))
}

/// From its parameters on.
fn function(tokens: &mut Tokens, found: &Interface) -> Result<(Vec<Named>, Type)> {
    tokens.expect("(")?;
    let takes = tokens.list(")", |tokens| named(tokens, found))?;
    let returns = if tokens.take(&["-", ">"]) { of(tokens, found)? } else { Type::named("void") };
    Ok((takes, returns))
}

fn named(tokens: &mut Tokens, found: &Interface) -> Result<Named> {
    let name = tokens.next();
    tokens.expect(":")?;
    Ok(Named { name, of: of(tokens, found)? })
}

fn of(tokens: &mut Tokens, found: &Interface) -> Result<Type> {
    if tokens.take(&["*", "const"]) {
        return Ok(Type::pointer(true, of(tokens, found)?));
    }
    if tokens.take(&["*", "mut"]) {
        return Ok(Type::pointer(false, of(tokens, found)?));
    }
    if tokens.take(&["["]) {
        let of = of(tokens, found)?;
        tokens.expect(";")?;
        let count = found.number(&tokens.next())?;
        tokens.expect("]")?;
        return Ok(Type::array(of, count));
    }
    // A pointer to a function that may be null.
    if tokens.take(&["Option", "<", "unsafe", "extern", "fn"]) {
        let (takes, returns) = function(tokens, found)?;
        tokens.take(&[","]);
        tokens.expect(">")?;
        return Ok(Type::Function(takes, Box::new(returns)));
    }
    let name = tokens.next();
    Ok(Type::named(match name.as_str() {
        "c_int" => "int",
        "c_char" => "char",
        "c_void" => "void",
        "usize" => "size_t",
        "u8" => "uint8_t",
        "u16" => "uint16_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        ours if snake(ours).starts_with(PREFIX) => return Ok(Type::Name(snake(ours))),
        other => bail!("{other} is no type that this check knows in C"),
    }))
}

/// `WeftDevice` as C writes it: `weft_device`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
