// The slider of *Watch it learn*. Everything it shows is already on the page.
const PACE_MILLISECONDS = 1200;
let player = null;

const find = (name) => element.querySelector(`.learn-${name}`);

function show() {
  const slider = find('slider');
  if (!slider) return;
  const view = document.getElementById('learn');
  const stop = slider.valueAsNumber;
  view.style.setProperty('--at', stop / slider.max);
  for (const part of view.querySelectorAll('[data-stop]')) {
    part.toggleAttribute('data-now', Number(part.dataset.stop) === stop);
  }
  slider.ariaValueText = element.querySelector('.learn-ticks [data-now]').textContent;
  const sentences = view.querySelectorAll(`[data-status="${stop}"]`);
  find('now').textContent = [...sentences].map((each) => each.textContent).join(' ');
}

function pause() {
  clearInterval(player);
  player = null;
  find('play').removeAttribute('data-playing');
}

function forward() {
  const slider = find('slider');
  slider.stepUp();
  show();
  if (slider.value === slider.max) pause();
}

element.addEventListener('input', () => {
  pause();
  show();
});

element.addEventListener('click', (event) => {
  if (!event.target.closest('.learn-play')) return;
  if (player !== null) return pause();
  const slider = find('slider');
  if (slider.value === slider.max) slider.value = slider.min;
  show();
  find('play').setAttribute('data-playing', '');
  player = setInterval(forward, PACE_MILLISECONDS);
});

document.addEventListener('touchstone:learn', show);
watch('value', show);
show();
