/**
 * `explainFailure`: explains why the socket of a daemon cannot be reached, and what to check.
 *
 * @module
 */

/** Returns the second part of an error message. The first part is the path of the socket. */
export function explainFailure({ code, message }: NodeJS.ErrnoException): string {
  switch (code ?? '') {
    case 'ENOENT':
      return 'there is no such socket (ENOENT). Is the daemon running, and the name right?';
    case 'ECONNREFUSED':
      return (
        'no program listens there (ECONNREFUSED): the daemon that made the socket has ended. ' +
        'Is the daemon running?'
      );
    case 'EACCES':
    case 'EPERM':
      return `not permitted (${code}): run this as root, or as the user that the daemon runs as.`;
    default:
      return message;
  }
}
