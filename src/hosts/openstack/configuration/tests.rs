use super::*;

fn inputs(directory: &Path, variables: &[(&str, &str)]) -> CloudInputs {
    let mut variables: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    variables
        .entry("HOME".into())
        .or_insert_with(|| directory.join("home").display().to_string());
    CloudInputs {
        variables,
        directory: directory.join("here"),
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn cloud(name: &str) -> Openstack {
    Openstack {
        cloud: Some(name.into()),
        ..Openstack::default()
    }
}

const CLOUDS: &str = "
clouds:
  base: &base
    region_name: RegionOne
    auth: {auth_url: 'https://one.example.org:5000/v3', username: ops, project_name: shop}
  dev:
    <<: *base
  numbers:
    auth: {auth_url: 'https://one.example.org', username: ops, password: 12345}
  other: {profile: vendor, auth: {application_credential_id: a1, application_credential_secret: s}}
  quick: {verify: false, interface: internalURL, auth: {auth_url: 'https://q', token: t}}
  certificate: {cert: ./me.pem, auth: {auth_url: 'https://q'}}
  oidc: {auth_type: v3oidcpassword, auth: {auth_url: 'https://q'}}
";

#[test]
fn the_first_file_on_the_way_is_read_and_secure_yaml_adds_to_it() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("home/.config/openstack/clouds.yaml"), CLOUDS);
    write(
        &folder.path().join("home/.config/openstack/secure.yaml"),
        "clouds: {dev: {auth: {password: hunter2}}}",
    );
    let access = inputs(folder.path(), &[]).access(&cloud("dev")).unwrap();
    assert_eq!(access.auth_url, "https://one.example.org:5000/v3");
    let auth = serde_json::to_value(access.config.auth.unwrap()).unwrap();
    assert_eq!(
        (auth["username"].as_str(), auth["password"].as_str()),
        (Some("ops"), Some("hunter2"))
    );
    assert_eq!(access.config.region_name.as_deref(), Some("RegionOne"));
    write(
        &folder.path().join("here/clouds.yaml"),
        "clouds: {dev: {auth: {auth_url: 'https://here'}}}",
    );
    assert_eq!(
        inputs(folder.path(), &[]).access(&cloud("dev")).unwrap().auth_url,
        "https://here"
    );
}

#[test]
fn a_file_that_is_named_is_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("here/clouds.yaml"), CLOUDS);
    write(
        &folder.path().join("mine.yaml"),
        "clouds: {mine: {auth: {auth_url: 'https://mine'}}}",
    );
    let file = folder.path().join("mine.yaml").display().to_string();
    let inputs = inputs(folder.path(), &[("OS_CLIENT_CONFIG_FILE", &file), ("OS_CLOUD", "mine")]);
    assert_eq!(inputs.access(&Openstack::default()).unwrap().auth_url, "https://mine");
    let error = inputs.access(&cloud("dev")).err().unwrap();
    assert!(error.to_string().starts_with("no cloud `dev` in "), "{error}");
    assert_eq!(error.hint().as_deref(), Some("it has mine"));
}

#[test]
fn the_variables_alone_are_a_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("OS_AUTH_URL", "https://v:5000/v3"),
        ("OS_USERNAME", "ops"),
        ("OS_PASSWORD", "p"),
        ("OS_TENANT_NAME", "shop"),
        ("OS_ENDPOINT_TYPE", "internalURL"),
        ("OS_CACERT", "/ca.pem"),
        ("OS_INSECURE", "true"),
    ];
    let access = inputs(folder.path(), &variables).access(&Openstack::default()).unwrap();
    assert_eq!(access.config.interface.as_deref(), Some("internal"));
    assert_eq!(access.config.cacert.as_deref(), Some("/ca.pem"));
    assert_eq!(access.config.verify, None, "only a file may say `insecure`");
    assert_eq!(access.config.auth.unwrap().project_name.as_deref(), Some("shop"));
}

#[test]
fn application_credentials_leave_the_project_to_keystone() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("here/clouds.yaml"), CLOUDS);
    write(
        &folder.path().join("here/clouds-public.yaml"),
        "public-clouds: {vendor: {region_name: far, auth: {auth_url: 'https://vendor', project_name: x}}}",
    );
    let access = inputs(folder.path(), &[]).access(&cloud("other")).unwrap();
    assert_eq!(access.config.auth_type.as_deref(), Some("v3applicationcredential"));
    assert_eq!(access.config.region_name.as_deref(), Some("far"));
    assert_eq!(access.config.auth.unwrap().project_name, None);
}

#[test]
fn tokens_numbers_and_insecure_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("here/clouds.yaml"), CLOUDS);
    let inputs = inputs(folder.path(), &[]);
    let quick = inputs.access(&cloud("quick")).unwrap().config;
    assert_eq!(
        (quick.auth_type.as_deref(), quick.verify),
        (Some("v3token"), Some(false))
    );
    assert_eq!(quick.interface.as_deref(), Some("internal"));
    let numbers = inputs.access(&cloud("numbers")).unwrap().config.auth.unwrap();
    assert_eq!(serde_json::to_value(numbers).unwrap()["password"], "12345");
}

#[test]
fn the_files_region_gives_way_to_the_groups() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("here/clouds.yaml"), CLOUDS);
    let settings = Openstack {
        region: Some("RegionTwo".into()),
        interface: Some(CloudInterface::Admin),
        insecure: true,
        ..cloud("dev")
    };
    let config = inputs(folder.path(), &[]).access(&settings).unwrap().config;
    assert_eq!(config.region_name.as_deref(), Some("RegionTwo"));
    assert_eq!(
        (config.interface.as_deref(), config.verify),
        (Some("admin"), Some(false))
    );
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = inputs(folder.path(), &[]);
    let said = |settings: &Openstack, inputs: &CloudInputs| inputs.access(settings).err().unwrap().to_string();
    assert!(said(&Openstack::default(), &nothing).starts_with("no cloud is named"));
    assert_eq!(
        said(&cloud("dev"), &nothing),
        "the cloud `dev` is named, and there is no `clouds.yaml`"
    );
    write(&folder.path().join("here/clouds.yaml"), CLOUDS);
    assert!(said(&cloud("certificate"), &nothing).contains("client certificate"));
    assert!(said(&cloud("oidc"), &nothing).contains("`v3oidcpassword` is not supported"));
    write(
        &folder.path().join("here/clouds.yaml"),
        "clouds: {dev: {auth: {password: hunter2}",
    );
    assert!(!said(&cloud("dev"), &nothing).contains("hunter2"));
}
