// The console: a client of the public API. Whatever it shows and does, any other client can.

import { render } from 'lit-html';
import { App } from './app.js';
import './page.css';
import { pageView } from './view.js';

const TICK_MS = 15_000;
const PAUSE_MS = 150;

const root = document.getElementById('console');
let isDue = false;
let drawnAt = 0;

// However many changes come in, the page is drawn a few times a second, and not at all where it is not seen.
const app = new App(root.dataset, () => {
  if (isDue) return;
  isDue = true;
  setTimeout(
    () =>
      requestAnimationFrame(() => {
        isDue = false;
        drawnAt = performance.now();
        draw();
      }),
    Math.max(0, drawnAt + PAUSE_MS - performance.now()),
  );
});

function draw() {
  render(pageView(app), root);
  const dialog = root.querySelector('dialog');
  const { task } = app;
  if (dialog.open && !task) {
    dialog.close();
    // What opened it may be gone.
    if (document.activeElement === document.body) root.querySelector('#sessions-heading')?.focus();
  } else if (task && task !== app.shownTask) {
    if (dialog.open) dialog.querySelector('[autofocus]')?.focus();
    else dialog.showModal();
  }
  app.shownTask = task;
}

addEventListener('popstate', () => app.follow());
// A menu is left with Escape, and by going elsewhere.
addEventListener('keydown', ({ key, target }) => {
  const menu = key === 'Escape' && target.closest?.('details.menu[open]');
  if (menu) {
    menu.open = false;
    menu.querySelector('summary').focus();
  }
});
for (const type of ['pointerdown', 'focusin']) {
  addEventListener(type, ({ target }) => {
    for (const menu of root.querySelectorAll('details.menu[open]')) {
      if (!menu.contains(target)) menu.open = false;
    }
  });
}
setInterval(() => app.changed(), TICK_MS); // times are said as of now
app.open();
