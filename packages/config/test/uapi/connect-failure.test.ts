import { describe, expect, it } from 'vitest';
import { explainFailure } from '../../src/uapi/connect-failure.ts';

describe('explainFailure', () => {
  it.each<[string, RegExp]>([
    ['ENOENT', /no such socket \(ENOENT\)\. Is the daemon running/],
    ['ECONNREFUSED', /no program listens there \(ECONNREFUSED\).*Is the daemon running\?$/],
    ['EACCES', /not permitted \(EACCES\): run this as root/],
    ['EPERM', /not permitted \(EPERM\): run this as root/],
    ['EMFILE', /^connect EMFILE$/],
  ])('returns an explanation of %s, or the message of the error if it knows none', (code, text) => {
    expect(explainFailure(Object.assign(new Error(`connect ${code}`), { code }))).toMatch(text);
  });
});
