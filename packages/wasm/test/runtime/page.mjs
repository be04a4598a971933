/** The browser runs this file, which sends the result to the server. */
import { trial } from './trial.mjs';

await fetch('/result', { method: 'POST', body: await trial() });
