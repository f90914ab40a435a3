//! Every row of the table, with few seeds: the engines show what is published or can be derived.

use weft_simulations::validate::{self, Verdict};

#[test]
fn every_row_holds() {
    let rows = validate::run(true, 2).expect("two threads");
    let red = rows.iter().filter(|row| row.verdict() == Verdict::Failed).count();
    assert_eq!(red, 0, "{}", validate::table(&rows));
}
