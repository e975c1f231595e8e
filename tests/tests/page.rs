//! The page in a real browser, on a real coordinator: nothing it does is against its own policy, what happens is seen
//! live, everything can be reached by keyboard, and ten thousand trials are as light as ten.
#![cfg(unix)]

use std::path::PathBuf;

use foldwise_tests::{Browser, Cluster, Pictures, Search};

/// Rows of a table that a browser is given at most, with room for a head and what is opened.
const ROWS_MAX: u64 = 210;

/// What was shown so far of the first column of the table of trials.
const TRIALS: &str =
    "[...document.querySelectorAll('#trials tr[data-trial]')].map((row) => Number(row.dataset.trial)).join()";

fn count(browser: &mut Browser, selector: &str) -> u64 {
    browser.eval(&format!("document.querySelectorAll({selector:?}).length")).as_u64().expect("a number")
}

/// Keeps a picture where somebody asked for one (`FOLDWISE_PICTURES`).
fn picture(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os("FOLDWISE_PICTURES") {
        browser.picture(&PathBuf::from(folder).join(format!("{name}.png")));
    }
}

fn grid(trials: usize) -> String {
    format!(
        "name = \"large-grid\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = 5 }}\n[network]\n\
         mlp = {{ hidden = [8] }}\n[train]\nepochs = 1\nbatch_size = 100\noptimizer = {{ kind = \"sgd\" }}\n[space]\n\
         \"train.optimizer.lr\" = {{ log = [1e-5, 1e-1], steps = {} }}\n\"network.mlp.dropout\" = [0.0, 0.1, 0.2, 0.3, 0.4]\n",
        trials / 5
    )
}

#[test]
fn a_search_is_watched_live_and_stopped_by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let pictures = Pictures::draw(400, 60);
    let cluster = Cluster::start(10.0);
    browser.resize(1280, 1000);
    browser.open(&format!("{}/", cluster.url()));
    browser.until("document.body.innerText.includes('No study has been submitted')");

    // It appears on the open list without a reload, and its link leads to it.
    let search = Search { epochs: 1_000, ..Search::default() };
    cluster.submit(&search.of(pictures.section()));
    browser.until("document.querySelector('a[href=\"/studies/1\"]')?.textContent === 'small'");
    browser.eval("document.querySelector('a[href=\"/studies/1\"]').focus()");
    browser.press("Enter");
    browser.until(
        "location.pathname === '/studies/1' && document.querySelector('#name')?.textContent === 'small'",
    );
    browser
        .until("document.querySelector('#training').textContent.includes('foldwise worker --coordinator')");

    // A trial that is open is looked at again as its folds move on.
    browser.until("document.querySelectorAll('#trials tr[data-trial]').length === 4");
    browser.eval("document.querySelector('#trials tr[data-trial] button').focus()");
    browser.press("Enter");
    browser.until("document.querySelectorAll('#trials .detail .state.waiting').length === 3");

    // A worker comes: curves grow and runs end while the page is looked at.
    let _worker = cluster.worker("w", 2);
    browser.until("document.querySelector('#state').textContent === 'searching'");
    browser.until("document.querySelectorAll('#training li').length > 0");
    browser.until("document.querySelectorAll('#curves .keys li').length > 0");
    browser.until("document.querySelector('#curves canvas') !== null");
    browser.until("document.querySelector('#progress .bar').getAttribute('aria-valuetext').match(/^[1-9]\\d* of 12 runs finished/)");
    browser.until("document.querySelector('#connection').textContent === 'live'");
    browser.until("document.querySelectorAll('#trials tr[data-trial] .state.finished').length > 0");
    browser.until("document.querySelectorAll('#trials .detail .state.waiting').length < 3");
    picture(&mut browser, "search");

    // Cancelling is asked back, and Escape lets the search go on.
    browser.eval("document.querySelector('[data-action=cancel]').focus()");
    browser.press("Enter");
    browser.until("document.querySelector('#confirm').open && document.activeElement.id === 'confirm-no'");
    browser.press("Escape");
    browser.until("!document.querySelector('#confirm').open");
    assert_ne!(cluster.status("small")["state"], "cancelled");
    browser.eval("document.querySelector('[data-action=pause]').focus()");
    browser.press(" ");
    browser.until("document.querySelector('#state').textContent === 'paused'");
    assert_eq!(cluster.status("small")["state"], "paused");
    browser.eval("document.querySelector('[data-action=cancel]').focus()");
    browser.press("Enter");
    browser.until("document.querySelector('#confirm').open");
    browser.press("Tab");
    browser.press("Enter");
    browser.until("document.querySelector('#state').textContent === 'cancelled'");
    assert_eq!(cluster.status("small")["state"], "cancelled");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_finished_search_shows_what_it_found_in_light_and_in_dark() {
    let Some(mut browser) = Browser::start() else { return };
    let pictures = Pictures::draw(300, 60);
    let cluster = Cluster::start(10.0);
    let measured = "[measure]\npredictions = [\"validation\"]\n";
    cluster.submit(&format!("{}\n{measured}", Search::default().of(pictures.section())));
    let _worker = cluster.worker("w", 2);
    let report = cluster.succeeded("small");
    browser.resize(1280, 1400);
    browser.prefer(&[("prefers-color-scheme", "light")]);
    browser.open(&format!("{}/studies/1", cluster.url()));
    browser.until("document.querySelectorAll('#trials tr[data-trial]').length === 4");
    browser.until("document.querySelectorAll('#curves .keys li').length === 4");
    let best = browser.eval("Number(document.querySelector('#trials tr.is-best').dataset.trial)");
    assert_eq!(best, report["selection"]["winner"]);
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.eval(ground);
    picture(&mut browser, "found");
    browser.prefer(&[("prefers-color-scheme", "dark")]);
    assert_ne!(browser.eval(ground), light);
    picture(&mut browser, "dark");

    // Wrong rows are drawn with their pictures, which the page's policy lets through.
    browser.eval("[...document.querySelectorAll('#figures button')].find((one) => one.textContent.startsWith('Show all'))?.click()");
    browser.until("document.querySelector('#figures img[src*=wrong-validation]') !== null");
    browser.eval("document.querySelector('#figures img[src*=wrong-validation]').scrollIntoView()");
    browser.until("(([one]) => one.complete && one.naturalWidth > 0)(document.querySelectorAll('#figures img[src*=wrong-validation]'))");
    picture(&mut browser, "wrong");
    browser.eval("window.scrollTo(0, 0)");

    // Opened by keyboard, a trial shows its folds; the focus stays where it was.
    browser.eval("document.querySelector('#trials tr[data-trial] button').focus()");
    browser.press("Enter");
    browser.until("document.querySelectorAll('#trials .detail tbody tr').length === 3");
    browser.until("document.activeElement.getAttribute('aria-expanded') === 'true'");

    // Nothing is wider than a narrow screen but what scrolls by itself.
    browser.resize(360, 780);
    browser.until("document.documentElement.scrollWidth <= 360");
    picture(&mut browser, "narrow");
    browser.open(&format!("{}/workers", cluster.url()));
    browser.until("document.querySelector('#workers tbody th')?.textContent === 'w'");
    browser.until("document.documentElement.scrollWidth <= 360");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn ten_thousand_trials_are_sorted_and_filtered_in_pages() {
    let Some(mut browser) = Browser::start() else { return };
    let cluster = Cluster::start(10.0);
    cluster.submit(&grid(10_000));
    browser.open(&format!("{}/studies/1", cluster.url()));
    browser.until("document.querySelector('#pager p')?.textContent === '1–50 of 10,000'");
    assert_eq!(browser.eval(TRIALS).as_str().expect("a list").split(',').count(), 50);

    // Sorted by a head's button, and the focus is still on it.
    browser.eval("document.querySelector('[data-key=\"sort trial\"]').focus()");
    browser.press("Enter");
    browser.until("document.querySelector('th[aria-sort=ascending] button')?.dataset.key === 'sort trial'");
    browser.until("document.activeElement.dataset.key === 'sort trial'");
    browser.press("Enter");
    browser.until(&format!("{TRIALS}.startsWith('9999,9998,')"));

    // Filtered as it is typed; what cannot be meant is said.
    browser.eval("document.querySelector('#filter').focus()");
    browser.write("trial<20 dropout=0.3");
    browser.until("document.querySelector('#pager p').textContent === '1–4 of 4 that match, of 10,000'");
    assert_eq!(browser.eval(TRIALS), "18,13,8,3");
    browser.write(" depth=2");
    browser
        .until("document.querySelector('#filter-wrong').textContent.includes('nothing is called `depth`')");
    browser.eval("document.querySelector('#filter').value = ''; document.querySelector('#filter').dispatchEvent(new Event('input'))");
    browser.until("document.querySelector('#pager p').textContent === '1–50 of 10,000'");

    // Page by page, and never more of them than a browser can bear.
    browser.eval("document.querySelector('#rows').value = '200'; document.querySelector('#rows').dispatchEvent(new Event('change'))");
    browser.until("document.querySelector('#pager p').textContent === '1–200 of 10,000'");
    browser.eval("document.querySelector('[data-page=Last]').focus()");
    browser.press("Enter");
    browser.until("document.querySelector('#pager p').textContent === '9,801–10,000 of 10,000'");
    assert!(count(&mut browser, "tr") <= ROWS_MAX);
    // The one refusal above is a browser's own line about a status, and nothing else was said.
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("status of 400")), "{complaints:#?}");
}
