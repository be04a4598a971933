/**
 * `waitForEnd`: what a daemon does after a process of another container has taken its device.
 *
 * If the daemon ended at once, its container would be started again, and would take the device
 * back. So it waits until it is told to end. On Kubernetes that takes a few seconds: the new pod is
 * ready, and the old pod is deleted.
 *
 * If nobody ends the daemon for a long time, it is wanted after all, for instance because an update
 * was undone meanwhile. Then it ends by itself. Its container starts again, and takes the device
 * back.
 *
 * @module
 */
import { aborted } from '../end-signals.ts';

/**
 * Resolves when the signal is aborted, or after `longestMs`.
 *
 * @param say called with a line for the log
 */
export async function waitForEnd(
  name: string,
  signal: AbortSignal,
  say: (line: string) => void,
  longestMs: number = LONGEST_MS,
): Promise<void> {
  say(`another process has taken ${name} over; this one only waits for its end`);
  // The timer also keeps the process alive. A signal handler does not.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      say(`nobody has ended this process for ${longestMs / 60_000} minutes, so it ends by itself`);
      resolve();
    }, longestMs);
  });
  await Promise.race([aborted(signal), late]);
  clearTimeout(timer);
}

const LONGEST_MS = 300_000;
