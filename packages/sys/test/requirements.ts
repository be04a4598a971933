/**
 * What the tests of this package need.
 *
 * @module
 */
import { programRequirement, requirement, type Requirement } from '@litz/testkit';
import { libc, NetworkNamespace } from '../src/index.ts';

export const linuxCalls: Requirement = requirement('Linux with koffi', () => void libc());

export const namespaces: Requirement = requirement('the right to make network namespaces', () =>
  NetworkNamespace.create().close(),
);

export const ipProgram: Requirement = programRequirement('ip', ['-V']);
