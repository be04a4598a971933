/// <reference lib="dom" />
/**
 * The script of the page. The page has a form for a wg-quick file and a URL. It requests the URL
 * through the tunnel, and shows the answer of the HTTP server.
 *
 * @module
 */
import { BrowserTunnel } from './tunnel.ts';

function field(name: string): HTMLInputElement {
  return document.getElementById(name) as HTMLInputElement;
}

async function ask(): Promise<void> {
  const answer = field('answer');
  answer.textContent = '';
  try {
    const tunnel = await BrowserTunnel.open(field('config').value);
    try {
      const bytes = await tunnel.get(new URL(field('address').value));
      answer.textContent = new TextDecoder().decode(bytes);
    } finally {
      tunnel.close();
    }
  } catch (error) {
    answer.textContent = String(error);
  }
}

document.querySelector('form')!.addEventListener('submit', (event) => {
  event.preventDefault();
  void ask();
});
// Without the listener, the browser would submit the form itself: it would load the page again,
// with empty fields. So the button is disabled until the listener is there.
document.querySelector('button')!.disabled = false;
