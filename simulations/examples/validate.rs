//! Prints the table of validation: `cargo run --release --example validate -- [--full] [threads]`.
use weft_simulations::{
    tangle::{self, Model, model::*},
    validate,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let start = std::time::Instant::now();
    if has("--speed") {
        for n in [10_000_000, 100_000_000] {
            println!(
                "{:.3e} transactions/s",
                tangle::speed(n).map_or(0.0, |speed| speed.per_second())
            );
        }
        return;
    }
    if has("--five") {
        for (rate, links, tips, slice) in [
            (1e3, false, 2, Slice::Uniform),
            (1e3, true, 2, Slice::Uniform),
            (1e3, true, 8, Slice::Uniform),
            (1e3, true, 40, Slice::Uniform),
            (1e3, true, 64, Slice::Sliced),
            (1e2, true, 8, Slice::Sliced),
            (1e3, true, 0, Slice::All),
            (1e2, true, 0, Slice::All),
        ] {
            let mut model = Model { rate, transactions: rate as u64 * 400, ..Model::default() };
            model.validators = Validators { count: 20, period: 1.0, links, tips, slice };
            let cover = tangle::run(&model, 1).unwrap().cover.unwrap();
            println!(
                "λ={rate} links={links} tips={tips} {slice:?}: {:.2} {:.2} {:.2} uncovered {} parents {:.0}",
                cover.latency.quantile(0.5),
                cover.latency.quantile(0.95),
                cover.latency.quantile(0.999),
                cover.uncovered,
                cover.parents
            );
        }
        for share in [0.1, 0.2, 0.3, 0.4, 0.45] {
            let mut model = Model { rate: 200.0, ..Model::default() };
            model.attack =
                Attack { kind: AttackKind::PrivateDoubleSpend, share, ..Attack::default() };
            model.record.sampled = 256;
            model.record.horizon = 160.0;
            let race = tangle::run(&model, 1).unwrap().race.unwrap();
            println!(
                "q={share}: median {} p95 {} success at 30 h {}",
                race.ahead_until[128], race.ahead_until[243], race.success
            );
        }
        return;
    }
    let rows = if has("--tamper") {
        validate::run_tampered(true, 1, |model| model.parents += 1)
    } else {
        validate::run(!has("--full"), if has("--two") { 2 } else { 1 })
    };
    print!("{}", validate::table(&rows.unwrap()));
    eprintln!("{:?}", start.elapsed());
}
