//! The C example is that of `docs/c-abi.md`, compiles without a warning against the header, and prints what the page says.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What stands between the fences of a language on the page; only the first.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let start = format!("\n```{language}\n");
    let at = page.find(&start).unwrap_or_else(|| panic!("the page has a block of {language}")) + start.len();
    &page[at..at + page[at..].find("```").expect("a block ends")]
}

fn page() -> String {
    std::fs::read_to_string(root().join("../../docs/c-abi.md")).expect("docs/c-abi.md can be read")
}

#[test]
fn the_page_shows_the_example_as_it_is() {
    let example = std::fs::read_to_string(root().join("examples/host.c")).expect("the example can be read");
    assert!(block(&page(), "c") == example, "docs/c-abi.md and native/capi/examples/host.c differ");
}

#[test]
fn a_c_host_runs_with_the_shared_library() {
    let Some(compiler) = compiler() else { return };
    let library = build("cdylib", &format!("{DLL_PREFIX}omni_engine{DLL_SUFFIX}"));
    let folder = library.parent().expect("a file is in a folder");
    let link = [format!("-L{}", folder.display()), "-lomni_engine".into(), format!("-Wl,-rpath,{}", folder.display())];
    assert_eq!(compile_and_run(&compiler, "host_shared", &link), block(&page(), "text"));
}

#[test]
fn a_c_host_runs_with_the_static_library() {
    let Some(compiler) = compiler() else { return };
    let library = build("staticlib", "libomni_engine.a");
    let link = [library.display().to_string(), "-lpthread".into(), "-ldl".into(), "-lm".into()];
    assert_eq!(compile_and_run(&compiler, "host_static", &link), block(&page(), "text"));
}

/// The C compiler, if there is one.
fn compiler() -> Option<String> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let answers = Command::new(&compiler).arg("--version").output().is_ok_and(|output| output.status.success());
    if !answers || cfg!(windows) {
        let why = format!("'{compiler}' is not a C compiler that this test can run; name one in CC");
        assert!(std::env::var_os("OMNI_LAB_NO_SKIP").is_none(), "{why}");
        eprintln!("skipped: {why}");
        return None;
    }
    Some(compiler)
}

/// Build the library in a folder of its own, where the name of what comes out is known.
fn build(crate_type: &str, file: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(crate_type);
    let status = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["rustc", "--quiet", "--lib", "--features", "capi", "--crate-type", crate_type, "--target-dir"])
        .arg(&target)
        // A build for another machine would put it elsewhere.
        .env_remove("CARGO_BUILD_TARGET")
        .status()
        .expect("cargo can be run");
    assert!(status.success(), "the {crate_type} can be built");
    target.join("debug").join(file)
}

/// Compile the example and return what it prints.
fn compile_and_run(compiler: &str, name: &str, link: &[String]) -> String {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(root().join("include"))
        .arg(root().join("examples/host.c"))
        .args(link)
        .arg("-o")
        .arg(&program)
        .output()
        .expect("the compiler can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(&program).output().expect("the example can be run");
    assert!(output.status.success(), "the example ends with {}", output.status);
    String::from_utf8(output.stdout).expect("the example prints text")
}
