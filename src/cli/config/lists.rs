//! What `hoist config` prints where it is asked for one thing: names, one a line, and tables.
//!
//! Where the reference goes over a map, its order is another in each run; here it is that of the alphabet.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::compose::variables::Variable;
use crate::compose::{Loaded, Project, print};

/// One line for each.
pub fn lines(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| format!("{}\n", name.as_ref())).collect()
}

/// The keys of a section.
pub fn names_in(model: &Value, section: &str) -> String {
    lines(
        model[section]
            .as_object()
            .into_iter()
            .flat_map(|section| section.keys()),
    )
}

/// Each service after those that it depends on.
pub fn services(loaded: &Loaded) -> Result<String, CliError> {
    let mut printed = BTreeSet::new();
    let mut text = String::new();
    let names: BTreeSet<&str> = loaded.project.services.keys().map(String::as_str).collect();
    for name in names {
        after_dependencies(&loaded.project, name, &mut printed, &mut text)?;
    }
    Ok(text)
}

fn after_dependencies<'p>(
    project: &'p Project,
    name: &'p str,
    printed: &mut BTreeSet<&'p str>,
    text: &mut String,
) -> Result<(), CliError> {
    if !printed.insert(name) {
        return Ok(());
    }
    let mut dependencies: Vec<_> = project.services[name].depends_on.iter().collect();
    dependencies.sort_by_key(|(name, _)| *name);
    for (dependency, how) in dependencies {
        if project.services.contains_key(dependency) {
            after_dependencies(project, dependency, printed, text)?;
        } else if how.required {
            return Err(CliError::Usage {
                message: format!("`{name}` depends on `{dependency}`, which is no service"),
                hint: None,
            });
        }
    }
    text.push_str(name);
    text.push('\n');
    Ok(())
}

/// What each model is.
pub fn models(loaded: &Loaded) -> String {
    let data = loaded.canonical.yaml_data();
    let models = data["models"]
        .as_object()
        .into_iter()
        .flat_map(|models| models.values());
    lines(
        models
            .filter_map(|model| model["model"].as_str())
            .filter(|model| !model.is_empty()),
    )
}

/// Each service's image.
pub fn images(project: &Project, separator: &str) -> String {
    let services: BTreeMap<_, _> = project.services.iter().collect();
    let images = services.into_values().map(|service| match &service.image {
        Some(image) if !image.is_empty() => image.clone(),
        _ => format!("{}{separator}{}", project.name, service.name),
    });
    lines(images)
}

/// The variables of interpolation, the project's name among them.
pub fn environment(variables: &BTreeMap<String, String>, project: &str) -> String {
    let mut variables = variables.clone();
    variables.insert("COMPOSE_PROJECT_NAME".to_owned(), project.to_owned());
    let mut entries: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    entries.sort_unstable();
    lines(entries)
}

/// A row for each variable; columns are as wide as their widest cell and three spaces, and 20 at least.
pub fn variables_table(variables: &BTreeMap<String, Variable>) -> String {
    let header = ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"].map(str::to_owned);
    let row = |variable: &Variable| {
        let (default, alternate) = (variable.default.clone(), variable.alternate.clone());
        [variable.name.clone(), variable.required.to_string(), default, alternate]
    };
    let rows: Vec<[String; 4]> = std::iter::once(header).chain(variables.values().map(row)).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count() + 3);
        widths.max().unwrap_or_default().max(20)
    };
    let widths = [width(0), width(1), width(2)];
    let line = |[name, required, default, alternate]: &[String; 4]| {
        let [first, second, third] = widths;
        format!("{name:first$}{required:second$}{default:third$}{alternate}\n")
    };
    rows.iter().map(line).collect()
}

/// The same as data.
pub fn variables_json(variables: &BTreeMap<String, Variable>) -> String {
    let data: serde_json::Map<String, Value> = variables
        .iter()
        .map(|(name, variable)| {
            let entry = json!({
                "Name": variable.name,
                "DefaultValue": variable.default,
                "PresenceValue": variable.alternate,
                "Required": variable.required,
            });
            (name.clone(), entry)
        })
        .collect();
    // Two line breaks, as the reference ends it; four spaces for two.
    format!("{}\n\n", indented_twice(&format!("{:#}", Value::Object(data))))
}

/// The same as YAML, indented by four as Go's encoder does by itself.
pub fn variables_yaml(variables: &BTreeMap<String, Variable>) -> String {
    let data: serde_json::Map<String, Value> = variables
        .iter()
        .map(|(name, variable)| {
            let entry = json!({
                "name": variable.name,
                "defaultvalue": variable.default,
                "presencevalue": variable.alternate,
                "required": variable.required,
            });
            (name.clone(), entry)
        })
        .collect();
    indented_twice(&print::as_yaml(&Value::Object(data)))
}

/// Doubles the spaces that lines begin with.
fn indented_twice(text: &str) -> String {
    let line = |line: &str| {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        format!("{}{line}", " ".repeat(spaces))
    };
    text.split_inclusive('\n').map(line).collect()
}
