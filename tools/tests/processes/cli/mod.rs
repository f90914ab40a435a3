//! Every command, right and wrong.

mod files;
mod posts;
mod shows;
mod value;
