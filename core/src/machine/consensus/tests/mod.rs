//! The rules on small pictures, on random graphs, and in virtual time.

mod commits;
mod draw;
mod fuzz;
mod pacing;
mod restarts;
mod waits;
mod waves;
