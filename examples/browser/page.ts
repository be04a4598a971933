/// <reference lib="dom" />
/**
 * The page: a form for a wg-quick file and an address. It shows the answer of a server behind the
 * tunnel.
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
// Without the listener, the browser itself would send the form, with the private key in the
// address. So the button is disabled until here.
document.querySelector('button')!.disabled = false;
