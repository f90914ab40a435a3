//! `report.html`: everything in one file that asks nothing of any network.
//!
//! Invariant: text from scenarios is escaped wherever it goes, and the page forbids itself every
//! request. Same figures, same bytes.

use std::fmt::Write as _;

use crate::report::{
    dag::Dag,
    figures::{Figure, Figures, Value},
    scale::shown,
};

const STYLE: &str = include_str!("page.css");
const PLAYER: &str = include_str!("player.js");
const HOW_TO_READ: &str = include_str!("how-to-read.html");

/// Nothing but what stands in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:";

/// The page; `plots` has the SVG of each figure, in their order.
pub(crate) fn page(figures: &Figures, plots: &[String]) -> String {
    let mut page = String::new();
    let title = escaped(&figures.title);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title} - Weft simulation</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    head(&mut page, figures);
    for (figure, svg) in figures.figures.iter().zip(plots) {
        plot(&mut page, figure, svg, &figures.notes);
    }
    if let Some(dag) = &figures.dag {
        player(&mut page, dag);
    }
    values(&mut page, &figures.values);
    verdicts(&mut page, figures);
    page.push_str(HOW_TO_READ);
    page.push_str("</main>\n");
    if figures.dag.is_some() {
        let _ = write!(page, "<script>\n{PLAYER}</script>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn head(page: &mut String, figures: &Figures) {
    let failed = figures.verdicts.iter().filter(|verdict| !verdict.holds).count();
    let passed = figures.verdicts.len() - failed;
    let class = if failed > 0 { "bad" } else { "good" };
    let _ = write!(
        page,
        "<header>\n<h1>{}</h1>\n<p>{}</p>\n<p class=\"chips\">\
         <span class=\"chip {class}\">{passed} passed, {failed} failed</span> \
         <a href=\"metrics.csv\">metrics.csv</a> <a href=\"config.toml\">config.toml</a> \
         <a href=\"meta.json\">meta.json</a> <a href=\"#read\">how to read this</a></p>\n\
         </header>\n<main>\n",
        escaped(&figures.title),
        escaped(&figures.purpose),
    );
}

fn plot(page: &mut String, figure: &Figure, svg: &str, notes: &[String]) {
    let (id, title) = (escaped(&figure.id), escaped(&figure.title));
    let caption = &figure.caption;
    let _ = write!(
        page,
        "<figure id=\"fig-{id}\">\n<h2>{title}</h2>\n\
         <div class=\"plot\" role=\"img\" aria-label=\"{title}\">{svg}</div>\n<figcaption>\n"
    );
    if !caption.meaning.is_empty() {
        let _ = writeln!(page, "<p>{}</p>", escaped(&caption.meaning));
    }
    page.push_str("<dl>\n");
    term(page, "parameters", &escaped(&caption.parameters));
    for note in notes {
        term(page, "model", &escaped(note));
    }
    term(page, "seeds", &escaped(&caption.seeds));
    term(page, "again", &format!("<code>{}</code>", escaped(&caption.reproduce)));
    let files = format!(
        "<a href=\"plots/{id}.svg\">plots/{id}.svg</a>, rows <code>{id}</code> of \
         <a href=\"metrics.csv\">metrics.csv</a>"
    );
    term(page, "data", &files);
    page.push_str("</dl>\n</figcaption>\n</figure>\n");
}

/// One line of a caption; `html` is escaped already.
fn term(page: &mut String, name: &str, html: &str) {
    let _ = writeln!(page, "<dt>{name}</dt><dd>{html}</dd>");
}

fn player(page: &mut String, dag: &Dag) {
    // What is written cannot end the element it stands in.
    let json = serde_json::to_string(dag).unwrap_or_default().replace('<', "\\u003c");
    let _ = write!(
        page,
        "<figure id=\"fig-dag\" class=\"wide\">\n<h2>The DAG as it grew</h2>\n\
         <canvas id=\"dag\" tabindex=\"0\" aria-label=\"player of the DAG\"></canvas>\n\
         <div class=\"controls\"><button id=\"dag-play\" type=\"button\">play</button>\
         <button id=\"dag-back\" type=\"button\" aria-label=\"one step back\">&#x2190;</button>\
         <button id=\"dag-step\" type=\"button\" aria-label=\"one step on\">&#x2192;</button>\
         <label>time <input id=\"dag-time\" type=\"range\" min=\"0\" max=\"1000\" value=\"1000\">\
         </label><label>speed <select id=\"dag-speed\"><option>0.25</option>\
         <option>0.5</option><option selected>1</option><option>2</option><option>4</option>\
         </select></label></div>\n<p id=\"dag-line\" aria-live=\"polite\"></p>\n\
         <figcaption><p>Time goes to the right, each issuer has a lane, lines lead to what is \
         approved. <span class=\"key tx\"></span> transaction <span class=\"key final\"></span> \
         committed <span class=\"key validator\"></span> of the committee \
         <span class=\"key attacker\"></span> of an attacker <span class=\"key orphan\"></span> \
         never approved <span class=\"key tip\"></span> tip. Space plays and pauses, the arrow \
         keys step, Home and End jump; a tap on a vertex shows its past. The first run only; \
         <a href=\"plots/dag.svg\">plots/dag.svg</a> is the last moment of it.</p></figcaption>\n\
         <script type=\"application/json\" id=\"dag-data\">{json}</script>\n</figure>\n"
    );
}

fn values(page: &mut String, values: &[Value]) {
    let _ = write!(
        page,
        "<section class=\"wide\">\n<h2>All values</h2>\n<div class=\"scroll\"><table>\n<tr>\
         <th>where</th><th>value</th><th class=\"number\">mean</th><th>unit</th>\
         <th class=\"number\">95 % interval</th><th class=\"number\">runs</th></tr>\n"
    );
    for value in values {
        let interval = value
            .interval
            .map_or_else(String::new, |[low, high]| format!("{} .. {}", shown(low), shown(high)));
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td><code>{}</code></td><td class=\"number\">{}</td><td>{}</td>\
             <td class=\"number\">{interval}</td><td class=\"number\">{}</td></tr>",
            escaped(&value.point),
            escaped(&value.name),
            shown(value.mean),
            escaped(&value.unit),
            value.runs,
        );
    }
    page.push_str("</table></div>\n</section>\n");
}

fn verdicts(page: &mut String, figures: &Figures) {
    if figures.verdicts.is_empty() {
        return;
    }
    page.push_str("<section class=\"wide\">\n<h2>What was expected</h2>\n<ul>\n");
    for verdict in &figures.verdicts {
        let (class, word) = if verdict.holds { ("good", "holds") } else { ("bad", "missed") };
        let _ = writeln!(
            page,
            "<li><span class=\"chip {class}\">{word}</span> <code>{}</code>: {}</li>",
            escaped(&verdict.text),
            escaped(&verdict.found),
        );
    }
    page.push_str("</ul>\n</section>\n");
}

/// `text` as it may stand in HTML and SVG, also within quotes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
