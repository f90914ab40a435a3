//! The bytes of a tiny report, and what must stand in its page.

use super::{
    dag::{Dag, Fate, Kind, Vertex},
    figures::{Axis, Bar, Caption, Curve, Figure, Figures, Point, Shape, Style, Value, Verdict},
    page, plot, table,
};

fn axis(label: &str, log: bool) -> Axis {
    Axis { label: label.into(), log }
}

fn point(x: f64, y: f64) -> Point {
    Point { x, y, interval: Some([y * 0.9, y * 1.1]) }
}

fn curves(log: bool) -> Figure {
    let simulated = Curve {
        name: "found".into(),
        label: "seen".into(),
        style: Style::Simulated,
        points: vec![point(1.0, 2.0), point(2.0, 3.0), point(4.0, 1.0 / 3.0)],
    };
    let theory = Curve {
        name: "theory".into(),
        label: "theory".into(),
        style: Style::Theory,
        points: vec![point(1.0, 2.0), point(4.0, 0.25)],
    };
    Figure {
        id: "tiny".into(),
        title: "A <tiny> one".into(),
        x: axis("load, tx/s", false),
        y: axis("share", log),
        shape: Shape::Curves(vec![simulated, theory]),
        caption: Caption { meaning: "It goes & comes.".into(), ..Caption::default() },
    }
}

fn figures() -> Figures {
    let bars = Figure {
        id: "bars".into(),
        title: "Bars".into(),
        x: axis("", false),
        y: axis("ms", false),
        shape: Shape::Bars(vec![Bar { name: "a".into(), value: 3.0, interval: None }]),
        caption: Caption::default(),
    };
    let vertex = |at: f64, parents: Vec<usize>| Vertex {
        at,
        lane: 0,
        parents,
        kind: Kind::Tx,
        fate: Fate::Tip,
        committed: None,
    };
    Figures {
        title: "tiny".into(),
        purpose: "to be small".into(),
        notes: vec!["nothing costs anything".into()],
        values: vec![Value {
            point: "load.tps=5".into(),
            name: "tips".into(),
            unit: String::new(),
            mean: 1.0 / 3.0,
            interval: Some([0.25, 0.5]),
            runs: 3,
        }],
        figures: vec![curves(false), bars],
        verdicts: vec![Verdict { text: "tips <1".into(), found: "found 0.3".into(), holds: true }],
        dag: Some(Dag {
            unit: "ms".into(),
            lanes: vec!["</script>".into()],
            vertices: vec![vertex(0.0, vec![]), vertex(5.0, vec![0])],
        }),
    }
}

/// Frozen: whoever changes what is written changes what others read.
#[test]
fn the_table_is_these_bytes() {
    let expected = "\
kind,figure,series,x,y,low,high,unit
value,,tips,load.tps=5,0.333333,0.25,0.5,
simulated,tiny,found,1,2,1.8,2.2,
simulated,tiny,found,2,3,2.7,3.3,
simulated,tiny,found,4,0.333333,0.3,0.366667,
theory,tiny,theory,1,2,1.8,2.2,
theory,tiny,theory,4,0.25,0.225,0.275,
bar,bars,a,,3,,,
";
    assert_eq!(String::from_utf8(table::table(&figures()).unwrap()).unwrap(), expected);
}

/// Frozen by its length and the parts that carry the numbers.
#[test]
fn a_plot_is_the_same_twice_and_holds_its_lines() {
    for log in [false, true] {
        let svg = plot::svg(&curves(log)).unwrap();
        assert_eq!(svg, plot::svg(&curves(log)).unwrap());
        assert!(svg.starts_with("<svg width=\"480\" height=\"350\""), "{svg}");
        assert!(svg.matches("<polyline").count() > 2, "{svg}");
        for text in ["seen", "theory", "load, tx/s"] {
            assert!(svg.contains(text), "{text}");
        }
    }
}

#[test]
fn a_plot_of_nothing_is_a_plot() {
    let mut empty = curves(true);
    empty.shape = Shape::Curves(Vec::new());
    assert!(plot::svg(&empty).unwrap().contains("</svg>"));
    empty.shape = Shape::Bars(Vec::new());
    assert!(plot::svg(&empty).unwrap().contains("</svg>"));
}

#[test]
fn the_page_asks_nobody_and_escapes_what_it_shows() {
    let figures = figures();
    let plots = vec![plot::svg(&figures.figures[0]).unwrap(), "<svg></svg>".to_owned()];
    let page = page::page(&figures, &plots);
    assert!(page.contains("A &lt;tiny&gt; one") && page.contains("It goes &amp; comes."));
    assert!(!page.contains("</script>\"]"), "data must not end its element");
    let without_namespace = page.replace("http://www.w3.org/2000/svg", "svg");
    assert!(!without_namespace.contains("://"), "a page that asks nobody names nobody");
    assert_eq!(page.matches("<script").count(), 2);
    assert!(page.contains("1 passed, 0 failed") && page.contains("<code>tips</code>"));
}

#[test]
fn a_picture_of_a_dag_has_its_vertices() {
    let svg = figures().dag.unwrap().svg();
    assert_eq!(svg.matches("<circle").count(), 2);
    assert!(svg.contains("&lt;/script&gt;") && svg.contains("0 to 5 ms"));
}
