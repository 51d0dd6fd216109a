// Views as tabs with addresses: #check, #generate, #learn.

/**
 * @param {HTMLElement} list holds the tabs; the tab `tab-NAME` has the panel `view-NAME`
 * @param {(view: string, query: URLSearchParams) => void} opened called when a view is shown
 * @returns {{start: (names: string[]) => void, go: (view: string) => void,
 *   address: (query: URLSearchParams) => void}}
 *   start: remove all but the named views, and show the one in the address; go: show a view;
 *   address: set the query of the open view, which is restored when one returns to it
 */
export function views(list, opened) {
  let tabs = [...list.querySelectorAll("[role=tab]")];
  const nameOf = (tab) => tab.id.replace("tab-", "");
  const queries = new Map();

  function hashOf(view) {
    const query = queries.get(view)?.toString();
    return `#${view}${query ? `?${query}` : ""}`;
  }

  function show() {
    const [asked, query = ""] = location.hash.slice(1).split("?");
    const names = tabs.map(nameOf);
    const view = names.includes(asked) ? asked : names[0];
    queries.set(view, new URLSearchParams(query));
    for (const tab of tabs) {
      const chosen = nameOf(tab) === view;
      tab.setAttribute("aria-selected", chosen);
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
    }
    opened(view, queries.get(view));
  }

  function go(view) {
    if (location.hash === hashOf(view)) return;
    history.pushState(null, "", hashOf(view));
    show();
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) go(nameOf(tab));
  });
  list.addEventListener("keydown", (event) => {
    const here = tabs.indexOf(event.target);
    const places = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 };
    if (here < 0 || !(event.key in places)) return;
    event.preventDefault();
    const tab = tabs.at(places[event.key] % tabs.length);
    tab.focus();
    go(nameOf(tab));
  });
  // Fired by back and forward, and when the hash of the address changes.
  addEventListener("popstate", show);

  return {
    start(names) {
      for (const tab of tabs.filter((each) => !names.includes(nameOf(each)))) tab.remove();
      tabs = tabs.filter((tab) => tab.isConnected);
      show();
    },
    go,
    address(query) {
      const view = nameOf(tabs.find((tab) => tab.tabIndex === 0));
      queries.set(view, query);
      history.replaceState(null, "", hashOf(view));
    },
  };
}
