//! Image names: the many ways to write one, and the one way the engine lists it.
//!
//! Knows the grammar of `distribution/reference` as far as names differ by it. Never asks an engine.

/// An image's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageName {
    /// `sha256:` and 64 hexadecimal digits.
    Id(String),
    Named {
        /// `docker.io`, `localhost:5000`, …
        registry: String,
        /// With `library/` for Docker's official images.
        path: String,
        tag: Option<String>,
        /// `sha256:…`
        digest: Option<String>,
    },
}

impl ImageName {
    /// Takes a name apart; what is no valid name is taken as one that no engine has.
    pub fn parse(name: &str) -> ImageName {
        if let Some(id) = image_id(name) {
            return ImageName::Id(id);
        }
        let (rest, digest) = match name.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (name, None),
        };
        let after_slash = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (rest, tag) = match rest[after_slash..].rfind(':') {
            Some(colon) => {
                let colon = after_slash + colon;
                (&rest[..colon], Some(rest[colon + 1..].to_owned()))
            }
            None => (rest, None),
        };
        let (registry, path) = match rest.split_once('/') {
            Some((first, path)) if is_registry(first) => (first, path),
            _ => ("docker.io", rest),
        };
        let registry = if registry == "index.docker.io" {
            "docker.io"
        } else {
            registry
        };
        let path = if registry == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        ImageName::Named {
            registry: registry.to_owned(),
            path,
            tag,
            digest,
        }
    }

    /// The registry that it comes from; `None` for an id.
    pub fn registry(&self) -> Option<&str> {
        match self {
            ImageName::Id(_) => None,
            ImageName::Named { registry, .. } => Some(registry),
        }
    }

    /// The name without tag and digest as the engine shows it: `nginx`, `bitnami/redis`, `localhost:5000/a/b`.
    pub fn repository(&self) -> Option<String> {
        match self {
            ImageName::Id(_) => None,
            ImageName::Named { registry, path, .. } if registry == "docker.io" => {
                Some(path.strip_prefix("library/").unwrap_or(path).to_owned())
            }
            ImageName::Named { registry, path, .. } => Some(format!("{registry}/{path}")),
        }
    }

    /// What the engine lists it as: the id, `repository@digest` (a tag beside a digest counts for nothing), or
    /// `repository:tag`, with `latest` where no tag is said.
    pub fn reference(&self) -> String {
        match (self, self.repository()) {
            (
                ImageName::Named {
                    digest: Some(digest), ..
                },
                Some(repository),
            ) => format!("{repository}@{digest}"),
            (ImageName::Named { tag, .. }, Some(repository)) => {
                format!("{repository}:{}", tag.as_deref().unwrap_or("latest"))
            }
            (ImageName::Id(id), _) => id.clone(),
            (ImageName::Named { .. }, None) => String::new(),
        }
    }

    /// What `tag` means in the pull and tag calls: the digest, else the tag, else `latest`.
    pub fn tag_or_digest(&self) -> &str {
        match self {
            ImageName::Id(_) => "",
            ImageName::Named {
                digest: Some(digest), ..
            } => digest,
            ImageName::Named { tag, .. } => tag.as_deref().unwrap_or("latest"),
        }
    }
}

fn image_id(name: &str) -> Option<String> {
    let digits = name.strip_prefix("sha256:").unwrap_or(name);
    let is_id = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then(|| format!("sha256:{digits}"))
}

/// The rule by which `a/b` is Docker's own and `a.example/b` another registry's.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.chars().any(|letter| letter.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_name_leads_to_what_the_engine_lists() {
        let digest = "sha256:".to_owned() + &"ab".repeat(32);
        for (name, reference) in [
            ("nginx", "nginx:latest".to_owned()),
            ("nginx:latest", "nginx:latest".into()),
            ("library/nginx", "nginx:latest".into()),
            ("docker.io/nginx:1.27", "nginx:1.27".into()),
            ("docker.io/library/nginx:latest", "nginx:latest".into()),
            ("index.docker.io/library/nginx", "nginx:latest".into()),
            ("bitnami/redis", "bitnami/redis:latest".into()),
            ("docker.io/bitnami/redis:7", "bitnami/redis:7".into()),
            ("localhost/a", "localhost/a:latest".into()),
            ("localhost:5000/a/b:1", "localhost:5000/a/b:1".into()),
            ("localhost:5000/a", "localhost:5000/a:latest".into()),
            ("registry.example/a/b/c", "registry.example/a/b/c:latest".into()),
            (&format!("nginx@{digest}"), format!("nginx@{digest}")),
            (&format!("nginx:1.27@{digest}"), format!("nginx@{digest}")),
            (
                &format!("localhost:5000/a:1@{digest}"),
                format!("localhost:5000/a@{digest}"),
            ),
            (&digest, digest.clone()),
            (&"ab".repeat(32), digest.clone()),
        ] {
            assert_eq!(ImageName::parse(name).reference(), reference, "{name}");
        }
    }

    #[test]
    fn the_registry_decides_which_credentials_are_shown() {
        assert_eq!(ImageName::parse("nginx").registry(), Some("docker.io"));
        assert_eq!(ImageName::parse("a/b").registry(), Some("docker.io"));
        assert_eq!(
            ImageName::parse("localhost:5000/a/b:1").registry(),
            Some("localhost:5000")
        );
        assert_eq!(ImageName::parse(&format!("sha256:{}", "0".repeat(64))).registry(), None);
    }

    #[test]
    fn a_pull_always_names_one_tag() {
        assert_eq!(ImageName::parse("nginx").tag_or_digest(), "latest");
        assert_eq!(ImageName::parse("nginx:1").tag_or_digest(), "1");
        assert_eq!(ImageName::parse("nginx:1@sha256:aa").tag_or_digest(), "sha256:aa");
    }
}
