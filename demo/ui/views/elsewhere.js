// The app's own address: behind a proxy only the browser knows it.
const here = new URL('.', document.baseURI).href.replace(/\/$/, '');

function fillAddresses() {
  for (const code of element.querySelectorAll('code[data-address]')) {
    code.textContent = code.textContent.replaceAll(props.address, here);
    delete code.dataset.address;
  }
}

async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    // Over plain http from another machine a page has no clipboard, but may copy what is selected.
    getSelection().selectAllChildren(code);
    return document.execCommand('copy');
  }
}

// The page has a base, so that a link to a part of it would load it anew.
element.addEventListener('click', (event) => {
  const jump = event.target.closest('.jumps a');
  if (!jump) return;
  event.preventDefault();
  const heading = element.querySelector(`${jump.hash} h2`);
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  heading.scrollIntoView();
});

element.addEventListener('click', async (event) => {
  const button = event.target.closest('.copy');
  if (!button) return;
  const code = button.closest('.code').querySelector('code');
  const said = (await copy(code)) ? button.dataset.done : button.dataset.selected;
  element.querySelector('.copied').textContent = said;
  button.textContent = said;
  setTimeout(() => {
    button.textContent = button.dataset.copy;
    element.querySelector('.copied').textContent = '';
  }, 3000);
});

watch('value', fillAddresses);

if (element.querySelector('.elsewhere')) fillAddresses();
else {
  // A view that nobody opens loads nothing.
  const looking = new IntersectionObserver((seen) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    looking.disconnect();
    trigger('look');
  });
  looking.observe(element);
}
