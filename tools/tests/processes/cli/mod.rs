//! Every command, right and wrong.

mod files;
mod measured;
mod posts;
mod shows;
mod value;
