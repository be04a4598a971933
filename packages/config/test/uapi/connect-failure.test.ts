import { describe, expect, it } from 'vitest';
import { explainFailure } from '../../src/uapi/connect-failure.ts';

describe('explainFailure', () => {
  it.each<[string, RegExp]>([
    ['ENOENT', /no such socket \(ENOENT\)\. Is the daemon running/],
    ['ECONNREFUSED', /no program listens there \(ECONNREFUSED\).*Is the daemon running\?$/],
    ['EACCES', /not permitted \(EACCES\): run this as root/],
    ['EPERM', /not permitted \(EPERM\): run this as root/],
    ['EMFILE', /^connect EMFILE$/],
  ])('explains %s, or returns the message of the error', (code, text) => {
    expect(explainFailure(Object.assign(new Error(`connect ${code}`), { code }))).toMatch(text);
  });
});
