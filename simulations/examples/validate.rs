//! Prints the table of validation: `cargo run --release --example validate -- [--full] [threads]`.

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = !arguments.iter().any(|argument| argument == "--full");
    let start = std::time::Instant::now();
    if let Ok(rows) = weft_simulations::validate::run(quick, 1) {
        print!("{}", weft_simulations::validate::table(&rows));
    }
    println!("{:?}", start.elapsed());
    if let Ok(speed) = weft_simulations::tangle::speed(10_000_000) {
        println!("{:.2e} transactions/s", speed.per_second());
    }
}
