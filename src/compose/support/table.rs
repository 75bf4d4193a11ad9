//! Every attribute path of the table, with what Hoist does with it.

use crate::compose::schema::{By, ROOT, Shape, Support};

/// One attribute path: `services.*.build.args`; `*` stands for names that the file chooses, `[]` for the
/// entries of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub path: String,
    pub support: Support,
    /// Whether the table speaks of this path itself, not only of what it is inside of.
    pub own: bool,
}

/// All of them, in the order of the table; Hoist's own `x-` keys with them.
pub fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    walk(
        &Shape::Object(&ROOT),
        String::new(),
        Support::Honoured(By::Both),
        &mut rows,
    );
    rows
}

fn walk(shape: &'static Shape, path: String, inherited: Support, rows: &mut Vec<Row>) {
    match shape {
        Shape::Any | Shape::Scalar(_) => {}
        Shape::Optional(shape) => walk(shape, path, inherited, rows),
        Shape::Either(shapes) => {
            for shape in *shapes {
                walk(shape, path.clone(), inherited, rows);
            }
        }
        Shape::List(item) | Shape::Set(item) => {
            let path = format!("{path}[]");
            add(rows, &path, inherited, false);
            walk(item, path, inherited, rows);
        }
        Shape::Map(_, value) => {
            let path = format!("{path}.*");
            add(rows, &path, inherited, false);
            walk(value, path, inherited, rows);
        }
        Shape::Object(object) => {
            for key in object.keys {
                let path = match path.as_str() {
                    "" => key.name.to_owned(),
                    path => format!("{path}.{}", key.name),
                };
                let support = key.support.unwrap_or(inherited);
                add(rows, &path, support, key.support.is_some());
                walk(&key.shape, path, support, rows);
            }
        }
    }
}

/// Several alternatives may have the same path; the first is it.
fn add(rows: &mut Vec<Row>, path: &str, support: Support, own: bool) {
    if !rows.iter().any(|row| row.path == path) {
        let path = path.to_owned();
        rows.push(Row { path, support, own });
    }
}
