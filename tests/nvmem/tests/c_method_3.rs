//! Random cases through C. A process has one method for the exported routines: each has its test.

use daxflush_nvmem::Method;
use daxflush_nvmem_tests::{api::FromC, run};

#[test]
fn cases_from_c() {
    let method = Method::ALL[3];
    match FromC::new(method) {
        Some(api) => run::random_cases(&api, "c_method_3"),
        None => eprintln!("this processor has no {method}"),
    }
}
