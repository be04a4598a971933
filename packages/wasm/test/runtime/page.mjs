/** What the browser runs: the result goes back to the server. */
import { trial } from './trial.mjs';

await fetch('/result', { method: 'POST', body: await trial() });
