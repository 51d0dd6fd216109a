// The app's address. Behind a proxy only the browser knows it.
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
    // Over plain http a page has no clipboard, but may copy a selection.
    getSelection().selectAllChildren(code);
    return document.execCommand('copy');
  }
}

// Gradio sets a base address, so an ordinary link to a heading would reload the page.
element.addEventListener('click', (event) => {
  const jump = event.target.closest('.jumps a');
  if (!jump) return;
  event.preventDefault();
  const heading = element.querySelector(`${jump.hash} h2`);
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  heading.scrollIntoView();
});

let fading;

element.addEventListener('click', async (event) => {
  const button = event.target.closest('.copy');
  if (!button) return;
  const code = button.closest('.code').querySelector('code');
  const message = (await copy(code)) ? button.dataset.done : button.dataset.selected;
  element.querySelector('.copied').textContent = message;
  button.textContent = message;
  setTimeout(() => { button.textContent = button.dataset.copy; }, 3000);
  // The message of an earlier button must not take this one's away.
  clearTimeout(fading);
  fading = setTimeout(() => { element.querySelector('.copied').textContent = ''; }, 3000);
});

watch('value', fillAddresses);

if (element.querySelector('.elsewhere')) fillAddresses();
else {
  // Loads when the view is opened.
  const looking = new IntersectionObserver((seen) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    looking.disconnect();
    trigger('look');
  });
  looking.observe(element);
}
