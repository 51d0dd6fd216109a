const captions = props.texts[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
element.querySelector('.hint').textContent = captions.title;
offerExamples(
  element.querySelector('.examples'),
  Object.entries(props.addresses).map(([name, address]) => ({ caption: captions[name], address })),
  (file) => document.dispatchEvent(new CustomEvent('touchstone:take', { detail: file })),
);
