//! What Hoist does with the attributes that a project uses: a table, or JSON with the same columns.

use serde_json::{Value, json};

use super::tables::Table;
use crate::compose::support::Use;

/// One row for each attribute in use, in the order of the project.
pub fn render(uses: &[Use], as_json: bool) -> String {
    if as_json {
        let rows: Vec<Value> = uses.iter().map(row).collect();
        return format!("{:#}\n", Value::Array(rows));
    }
    let mut table = Table::new(["ATTRIBUTE", "PLACE", "SUPPORT", "WORDS"]);
    for found in uses {
        table.row([
            found.path.clone(),
            found.place.to_string(),
            found.support.summary(),
            found.words().unwrap_or_default().to_owned(),
        ]);
    }
    table.render()
}

fn row(found: &Use) -> Value {
    let (line, column) = found.place.line_column();
    json!({
        "path": found.path,
        "attribute": found.attribute,
        "file": found.place.source.name,
        "line": line,
        "column": column,
        "support": found.support.level(),
        "by": found.support.by(),
        "words": found.words(),
    })
}

#[cfg(test)]
mod tests {
    use crate::compose::testing::loaded;

    const TEXT: &str = "services:
  web:
    image: nginx
    ports: ['80:80']
    container_name: front
    deploy: {update_config: {delay: 5s}}
    cpu_count: 2
";

    #[test]
    fn each_attribute_in_use_is_a_row_with_its_place() {
        insta::assert_snapshot!(super::render(&loaded(TEXT).support, false), @r"
        ATTRIBUTE                                 PLACE               SUPPORT                  WORDS
        services                                  compose.yaml:1:1    honoured by both
        services.web.image                        compose.yaml:3:5    honoured by both
        services.web.ports                        compose.yaml:4:5    honoured by both
        services.web.container_name               compose.yaml:5:5    honoured by containers   the cluster names the replicas of a service itself
        services.web.deploy                       compose.yaml:6:5    honoured by both
        services.web.deploy.update_config         compose.yaml:6:14   honoured by both
        services.web.deploy.update_config.delay   compose.yaml:6:30   honoured by both
        services.web.cpu_count                    compose.yaml:7:5    refused                  a number of processors is counted on Windows only; use `cpus`
        ");
    }

    #[test]
    fn the_same_is_there_for_programs() {
        let rows = super::render(&loaded(TEXT).support, true);
        let rows: serde_json::Value = serde_json::from_str(&rows).expect("JSON");
        let last = rows.as_array().and_then(|rows| rows.last()).expect("a row");
        assert_eq!(last["path"], "services.web.cpu_count");
        assert_eq!((last["line"].as_u64(), last["column"].as_u64()), (Some(7), Some(5)));
        assert_eq!((last["support"].as_str(), last["by"].as_str()), (Some("refused"), None));
        assert!(last["words"].as_str().is_some_and(|words| !words.is_empty()));
    }
}
