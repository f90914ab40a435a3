//! The files of a run, each written whole or not at all.
//!
//! Invariant: `metrics.csv`, the SVG files, `config.toml`, `samples.json` and `report.html` depend
//! on the configuration and the seeds alone; whatever else is known stands in `meta.json`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::report::{figures::Figures, meta::Meta, page, plot, table};

/// Why a report could not be written: a fault of this machine, or of a library.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A figure could not be drawn.
    #[error("cannot draw {figure}: {cause}")]
    Plot {
        /// Which.
        figure: String,
        /// Why.
        cause: String,
    },
    /// Numbers could not be put into a table.
    #[error("cannot write a table: {0}")]
    Table(#[from] csv::Error),
    /// Something could not be put into JSON.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Writes `bytes` to `path`: whoever looks finds the old file or the new one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let failed = |source| WriteError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    fs::write(&part, bytes).map_err(failed)?;
    fs::rename(&part, path).map_err(failed)
}

/// Writes the report into `folder`. `config` is the text of `config.toml`. Returns where the page
/// is.
pub fn report(
    folder: &Path,
    figures: &Figures,
    config: &str,
    meta: &Meta,
) -> Result<PathBuf, WriteError> {
    let mut plots = Vec::new();
    for figure in &figures.figures {
        let drawn = plot::svg(figure).map_err(|error| WriteError::Plot {
            figure: figure.id.clone(),
            cause: error.to_string(),
        })?;
        write(&folder.join("plots").join(format!("{}.svg", figure.id)), drawn.as_bytes())?;
        plots.push(drawn);
    }
    if let Some(dag) = &figures.dag {
        write(&folder.join("plots/dag.svg"), dag.svg().as_bytes())?;
    }
    write(&folder.join("metrics.csv"), &table::table(figures)?)?;
    write(&folder.join("config.toml"), config.as_bytes())?;
    let mut meta = serde_json::to_vec_pretty(meta)?;
    meta.push(b'\n');
    write(&folder.join("meta.json"), &meta)?;
    let path = folder.join("report.html");
    write(&path, page::page(figures, &plots).as_bytes())?;
    Ok(path)
}
