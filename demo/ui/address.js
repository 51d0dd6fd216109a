// The address names the open view.
const FIRST = 'check';
function asked() {
  const view = new URLSearchParams(location.search).get('view');
  return props.views.includes(view) ? view : FIRST;
}
let shown = asked();
// The page opens with the first view, even where the address names another.
let settled = false;

new MutationObserver(() => {
  const tab = document.querySelector('#views [role=tab][aria-selected=true]');
  const view = tab?.dataset.tabId;
  settled ||= view === shown;
  if (!settled || !view || view === shown) return;
  shown = view;
  if (view === asked()) return;
  const address = new URL(location);
  const theme = address.searchParams.get('__theme');
  address.search = new URLSearchParams({ ...(theme && { __theme: theme }), view });
  history.pushState(null, '', address);
}).observe(document.documentElement, { subtree: true, attributeFilter: ['aria-selected'], childList: true });

addEventListener('popstate', () => trigger('open', { view: asked() }));
document.addEventListener('touchstone:open', ({ detail: view }) => trigger('open', { view }));
